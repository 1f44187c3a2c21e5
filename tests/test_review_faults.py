"""A review where something is wrong: damaged journals, a folder that takes nothing, several servers."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reviewing import Tab, comparison, make_run, pages, write

from constitution.journal import seal
from constitution.reviews import FILE, LOCK, append, writing


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_what_stands_before_damage_is_asked_about_and_the_damage_is_named(run: Path) -> None:
    text = (run / "comparisons.jsonl").read_bytes()
    (run / "comparisons.jsonl").write_bytes(text.replace(b"Question 3", b"Question 8"))
    tab = Tab(run)
    start = tab.start()
    assert start.status == 200 and "comparisons.jsonl:4: damaged" in start.words
    assert "3 in all" in start.words and "6 in all" in start.words, "the revisions are whole"
    *asked, end = pages(tab, lambda _: "A")
    assert len(asked) == 3 and end.status == 200 and "comparisons.jsonl:4: damaged" in end.words
    assert {one.row for one in tab.kept()} == {"row-0", "row-1", "row-2"}
    (run / "comparisons.jsonl").write_bytes(text)
    assert "damaged" not in tab.start().words and tab.next().texts[0] in [f"Question {row}?" for row in (3, 4, 5)]


def test_reviews_of_intact_comparisons_go_on_beside_damaged_transcripts(run: Path) -> None:
    text = (run / "transcripts.jsonl").read_bytes()
    (run / "transcripts.jsonl").write_bytes(text.replace(b"Question 0", b"Question 8"))
    tab, revisions = Tab(run), Tab(run, kind="revision")
    assert "transcripts.jsonl:1: damaged" in tab.start().words and "There are none yet" not in tab.start().words
    assert tab.answer(tab.next(), "A").status == 200
    assert "nothing to review yet" not in revisions.next().words
    assert "transcripts.jsonl:1: damaged" in revisions.next().words


@pytest.mark.parametrize("line", ['"foo":1', '"first":3,"second":4', '"first":[],"second":{}', '"first":{"text":1}'])
def test_a_record_that_is_none_is_told_at_each_look(run: Path, line: str) -> None:
    with (run / "comparisons.jsonl").open("ab") as file:
        file.write(seal(b'{"id":"x","row":"y","index":9,%b}' % line.encode()))
    write(run / "comparisons.jsonl", comparison(6))
    tab = Tab(run)
    for _ in range(3):
        told = tab.start().words
        assert "comparisons.jsonl:7: not a record" in told and "6 in all" in told


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_is_appended_to_reviews_that_cannot_be_read(run: Path, whole: bool) -> None:
    tab = Tab(run)
    page = tab.answer(tab.next(), "A")
    body = b'{"id":"x","row":"y","index":0,"foo":1}'
    with (run / FILE).open("ab") as file:
        file.write(seal(body) if whole else body.replace(b"}", b',"crc":"00000000"}\n'))
    before = (run / FILE).read_bytes()
    for _ in range(2):
        for shown in (tab.start(), tab.next(), tab.answer(page, "B", note="my words")):
            assert shown.status == 500 and FILE in shown.words
        assert "my words" in shown.source
    assert (run / FILE).read_bytes() == before


def test_a_place_that_takes_no_reviews_is_told_before_and_after(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab(run)
    page = tab.next()
    assert "No answer can be kept" not in tab.start().words
    (run / LOCK).mkdir()
    told = tab.answer(page, "A", note="my words")
    assert told.status == 500 and f"{LOCK}: cannot be written" in told.words and "my words" in told.source
    assert "then answer again" in told.words and "command" not in told.words
    (run / LOCK).rmdir()
    (run / LOCK).symlink_to(run.parent / "elsewhere")
    start, told = tab.start(), tab.answer(page, "A")
    assert "No answer can be kept" in start.words and "Remove the link" in start.words and start.status == 200
    assert told.status == 500 and "Remove the link" in told.words and not (run.parent / "elsewhere").exists()
    (run / LOCK).unlink()
    # As for a colleague who may read, and no more.
    monkeypatch.setattr("constitution.reviews.os.access", lambda *_: False)
    assert "cannot be written: Permission denied" in tab.start().words
    assert not (run / FILE).exists()


def test_a_full_disk_is_told_with_what_was_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab(run)
    page = tab.next()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("constitution.journal.os.write", full)
    told = tab.answer(page, "A", note="my words")
    monkeypatch.undo()
    assert told.status == 500 and "No space left" in told.words and "my words" in told.source
    assert "then answer again" in told.words and "command" not in told.words
    assert tab.answer(page, "A", note="my words").status == 200 and len(tab.kept()) == 1


def test_two_servers_never_overwrite_each_other_unasked(run: Path) -> None:
    one, other = Tab(run), Tab(run)
    page = one.next()
    other.answer(page, "A")
    theirs = other.kept()[0]
    (run / FILE).unlink()
    with ThreadPoolExecutor(1) as threads:
        with writing(run):
            waiting = threads.submit(one.answer, page, "B")
            # Whatever it checks now is out of date when its turn comes.
            time.sleep(0.3)
            append(run, theirs)
        assert waiting.result().status == 409
    assert [review.note for review in one.kept()] == [theirs.note]


def test_a_writer_that_has_stopped_freezes_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constitution.reviews.PATIENCE", 1.0)
    tab = Tab(run)
    page = tab.next()
    with writing(run), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(tab.answer, page, "A", note="my words")
        time.sleep(0.2)
        assert tab.start().status == tab.next().status == 200 and not waiting.done()
        told = waiting.result()
    assert told.status == 500 and "another process has held it for 1 seconds" in told.words
    assert "my words" in told.source and not (run / FILE).exists()
    assert tab.answer(page, "A").status == 200
