"""The index of a view: what it finds, and that it is what the journals say, whatever becomes of them."""

import threading
import time
from pathlib import Path

import pytest
from given_reviews import on_comparison, on_revision
from viewing import SECONDS, begin, caught_up, comparison, followed, found, mixed_run, overview, soon, transcript, write

from constitution.errors import ConfigError
from constitution.journal import read_lines
from constitution.manifest import COMPARE, REVISE
from constitution.records import Failure, Vote
from constitution.replaced import set_aside
from constitution.view import indexing
from constitution.view.index import Index
from constitution.view.indexing import Indexer
from constitution.view.overview import read_principles


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return mixed_run(tmp_path / "run")


def test_words_are_found_in_every_text_and_language(run: Path) -> None:
    odd = 'a/b?c#d "e"\n%'
    with followed(run) as (index, _):
        for q, ids in {
            "": ["row-0", "row-1", "row-2", odd, "row-4", "row-5"],
            "brew": ["row-1"],
            "BREW tea": ["row-1"],
            "bre": [],
            "bre*": ["row-1"],
            '"brew tea"': ["row-1"],
            '"tea brew"': [],
            "unkind": ["row-0", "row-1", "row-2", odd],
            "kitchen": ["row-1"],
            "row-1": ["row-1"],
            "zebras": ["row-1"],
            "tea zebras": ["row-1"],
            "tea same": [],
            "answer": ["row-4"],
            "安全": ["row-2"],
            "全安": [],
            "安全问题很": ["row-2"],
            "安*": ["row-2"],
            "दुनिया": [odd],
            "नमस्त": [],
            "cafe": [odd],
        }.items():
            assert found(index, q=q) == ids, q


def test_no_query_is_an_operator_or_a_fault(run: Path) -> None:
    with followed(run) as (index, _):
        assert found(index, q="brew OR same") == []
        assert found(index, q="brew NOT tea") == []
        assert found(index, q="text:brew") == [] == found(index, q="NEAR(brew tea)")
        for q in (
            '"',
            '""',
            '"""',
            "*",
            "a**",
            "(",
            "^brew",
            "-brew",
            "'; DROP TABLE rows; --",
            "\0",
            "a\0b",
            "?",
            "；",
        ):
            found(index, q=q)
        assert found(index, q="^brew") == ["row-1"]
        assert found(index, q="…") == []
        assert found(index, q="brew " * 5000) == ["row-1"]
        assert found(index, q="x" * 100_000) == []
        assert len(found(index)) == 6


def test_rows_are_filtered(run: Path) -> None:
    on_comparison(run, comparison(1, 0.9, "Zebras.", "Lions."), "ada", "first")
    on_comparison(run, comparison(2, None), "ada", "skip")
    with followed(run) as (index, _):
        assert found(index, status="failed") == ["row-4"]
        assert found(index, status="filtered") == ["row-5"]
        assert found(index, status="unchanged") == ["row-0"]
        assert len(found(index, status="changed")) == 3
        assert found(index, status="labelled") == ["row-1"]
        assert found(index, status="invalid") == ["row-2"]
        assert found(index, status="reviewed") == ["row-1"]
        assert "row-2" in found(index, status="not reviewed")
        assert found(index, low="0.5") == ["row-1"] == found(index, low="0.9", high="0.9")
        assert found(index, high="0.5") == []
        assert len(found(index, principle="privacy")) == 4
        assert found(index, q="tea", status="changed", principle="privacy", low="0.1") == ["row-1"]


def test_principles_of_revisions_and_of_the_judge_are_told_apart(run: Path) -> None:
    principles = read_principles(run)
    shared = next(iter(principles.revising["privacy"].tags))
    other = next(one for one in principles.revising.values() if shared not in one.tags)
    votes = tuple(Vote(principle=id, order="forward", p_first=0.5) for id in ("privacy", other.id))
    write(run / "comparisons.jsonl", comparison(1, id="row-1/x", votes=votes), comparison(9, votes=votes))
    with followed(run) as (index, _):
        assert len(found(index, principle="privacy")) == 4 == len(found(index, tag=shared))
        assert found(index, principle=other.id) == [] == found(index, tag=other.tags[0])
        assert found(index, judged="privacy") == ["row-1", "row-9"] == found(index, judged=other.id)
        assert found(index, principle="privacy", judged=other.id) == ["row-1"]


def test_in_a_run_of_pairs_only_a_principle_is_the_judges(tmp_path: Path) -> None:
    run = begin(tmp_path / "pairs", 2, compared=True)
    (run / REVISE.manifest).unlink()
    votes = (Vote(principle="privacy", order="forward", p_first=0.5),)
    write(run / "comparisons.jsonl", comparison(0, votes=votes), comparison(1))
    tag = read_principles(run).comparing["privacy"].tags[0]
    with followed(run) as (index, _):
        assert found(index, principle="privacy") == ["row-0"] == found(index, tag=tag)
        with pytest.raises(ConfigError, match="judged 'privacy'"):
            found(index, judged="privacy")


def test_a_row_is_reviewed_as_long_as_an_answer_about_its_texts_stands(run: Path) -> None:
    there, revised = comparison(1, 0.9, "Zebras.", "Lions."), transcript(0, "Same.", "Same.")
    on_comparison(run, there, "ada", "first")
    with followed(run) as (index, indexer):

        def reviewed(*ids: str) -> None:
            soon(lambda: found(index, status="reviewed") == list(ids), indexer)

        reviewed("row-1")
        on_comparison(run, there, "bea", "tie")
        on_comparison(run, there, "ada", "skip")
        on_revision(run, revised, 1, "ada", "accept")
        reviewed("row-0", "row-1")
        on_comparison(run, there, "bea", "skip")
        reviewed("row-0")
        on_comparison(run, there, "bea", "both bad")
        reviewed("row-0", "row-1")
        set_aside(run, COMPARE)
        reviewed("row-0")
        begin(run, 10, compared=True)
        write(run / "comparisons.jsonl", comparison(1, 0.9, "Camels.", "Lions."))
        soon(lambda: found(index, q="camels"), indexer)
        assert found(index, status="reviewed") == ["row-0"], "other texts"
        set_aside(run, COMPARE)
        begin(run, 10, compared=True)
        write(run / "comparisons.jsonl", there)
        reviewed("row-0", "row-1")


def test_what_a_run_adds_is_read_and_no_more(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int]] = []

    def lines(path: Path, offset: int, first: int) -> object:
        read.append((path.name, offset))
        return read_lines(path, offset, first)

    with followed(run):
        pass
    size = (run / "transcripts.jsonl").stat().st_size
    monkeypatch.setattr(indexing, "read_lines", lines)
    with followed(run) as (index, indexer):
        write(run / "transcripts.jsonl", transcript(4, "Better late."))
        soon(lambda: found(index, q="late"), indexer)
        assert found(index, status="failed") == [], "a later try made it good"
        now = caught_up(index)
        assert now.revised and now.revised.equation == "10 rows = 5 done + 0 failed + 1 filtered + 4 pending"
    assert ("transcripts.jsonl", 0) not in read
    assert ("transcripts.jsonl", size) in read


def test_a_stage_that_begins_anew_is_read_anew_and_the_others_are_kept(run: Path) -> None:
    with followed(run) as (index, indexer):
        set_aside(run, COMPARE)
        soon(lambda: not found(index, q="zebras"), indexer)
        assert not found(index, low="0") and found(index, q="tea") == ["row-1"]
        begin(run, 10, compared=True)
        # As long as the one before, so that its size tells nothing.
        write(run / "comparisons.jsonl", comparison(1, 0.2, "Camels.", "Llama."), comparison(2, None))
        soon(lambda: found(index, q="camels"), indexer)
        assert found(index, high="0.3") == ["row-1"] and not found(index, q="zebras")
    set_aside(run, COMPARE)
    begin(run, 10, compared=True)
    write(run / "comparisons.jsonl", comparison(2, 0.4, "Dogs.", "Cats."), comparison(1, 0.6, "Geese.", "Hens."))
    with followed(run) as (index, indexer):
        soon(lambda: found(index, q="dogs") == ["row-2"], indexer)
        assert not found(index, q="camels")
        assert found(index, status="invalid") == []


def test_files_that_are_set_aside_while_they_are_read_are_no_fault(run: Path) -> None:
    told = 0

    def read() -> None:
        nonlocal told
        told += 1

    index = Index(run)
    indexer = Indexer(index, read, pytest.fail)
    index.keep()
    indexer.start()
    try:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            indexer.look()
            set_aside(run, COMPARE)
            overview(index)
            indexer.look()
            begin(run, 10, compared=True)
            write(run / "comparisons.jsonl", comparison(1, 0.9, "Zebras.", "Lions."))
        before = told
        soon(lambda: told > before and found(index, q="zebras"), indexer)
        assert not overview(index).faults
    finally:
        indexer.stop()
        index.close()


def test_a_damaged_line_is_named_and_what_stands_before_it_is_found(run: Path) -> None:
    path = run / "transcripts.jsonl"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"Never brew", b"Never brow"))
    warned: list[str] = []
    with followed(run, warned.append) as (index, indexer):
        (fault,) = overview(index).faults
        assert fault.message.startswith(f"{path}:1: damaged")
        assert found(index, q="zebras") == ["row-1"], "other journals are read"
        write(run / "failures.jsonl", Failure(id="row-6", index=6, step="respond", kind="CallError", message="late"))
        soon(lambda: found(index, q="late"), indexer)
        assert warned == [f"{fault.message}\n  {fault.hint}"], "once"
        path.write_bytes(good)
        soon(lambda: found(index, q="brew"), indexer)
        assert not caught_up(index).faults
        path.write_bytes(good + b'{"id":"row-9","index":9,"crc":"00000000"}\n')
        soon(lambda: overview(index).faults, indexer)
        assert overview(index).faults[0].message.startswith(f"{path}:5: damaged")
        soon(lambda: len(warned) == 2, indexer)
        assert found(index, q="安全") == ["row-2"]


def test_half_a_line_is_waited_for(run: Path) -> None:
    path = run / "transcripts.jsonl"
    before = path.read_bytes()
    write(path, transcript(6, "Lately."))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(before) + 30])
    with followed(run) as (index, indexer):
        assert not overview(index).faults and not found(index, q="lately")
        path.write_bytes(whole)
        soon(lambda: found(index, q="lately"), indexer)


def test_an_indexer_that_is_stopped_goes_on_where_it_was(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(run / "transcripts.jsonl", *(transcript(number, "Many.") for number in range(10, 210)))
    monkeypatch.setattr(indexing, "FIRST", 0.0)
    monkeypatch.setattr(indexing, "BATCH", 0.0)
    index, told = Index(run), threading.Event()
    index.keep()
    indexer = Indexer(index, told.set, pytest.fail)
    indexer.start()
    assert told.wait(SECONDS)
    indexer.stop()
    index.close()
    begun = overview(index).rows
    assert 0 < begun < 206
    with followed(run) as (index, _):
        assert overview(index).rows == 206
        assert len({*found(index, q="many")}) == 200
