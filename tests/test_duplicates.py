"""Near-duplicates: what is one, which are found, and that what is kept stays as it is."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from near_duplicates import EDITS, planted_set
from principle_cli import Ran

from constitution.errors import ConfigError, ConstitutionError, ExportError, SourceError
from constitution.prompt_sets.dedup import dedup, find
from constitution.prompt_sets.reading import Item, Reading, items
from constitution.prompt_sets.shingles import jaccard, plain, shingles
from constitution.prompt_sets.signatures import Bands, bands_for

Run = Callable[..., Ran]
A, ALMOST_A, B = "How do I boil an egg for breakfast?", "how do i boil an egg for a breakfast", "Why is the sky blue?"


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def dropped(to: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{to}.dropped.jsonl").read_text(encoding="utf-8").splitlines()]


def kept_of(*texts: str, threshold: float = 0.75) -> list[str]:
    with find([Item(str(n), None, text, {}) for n, text in enumerate(texts)], threshold) as found:
        return [text for n, text in enumerate(texts) if found.kept(n)]


def test_shingles_are_four_characters_and_two_of_scripts_without_spaces() -> None:
    assert shingles("to be") == {"to b", "o be"}
    assert shingles("hi") == {"hi"}
    assert shingles("") == set()
    assert shingles("偷车吗") == {"偷车", "车吗"}
    assert shingles("ab偷车c") == {"ab偷车", "b偷车c", "偷车", "车c"}


def test_case_signs_white_space_and_width_make_no_difference() -> None:
    assert plain("  How, do I\tＢＯＩＬ —an egg?!") == "how do i boil an egg"
    # Else all of them would be one text.
    assert plain(" ?! ") == "?!"


def test_similarity_is_the_share_of_shingles_that_both_have() -> None:
    assert jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5
    assert jaccard(set(), set()) == 1
    assert jaccard({"a"}, {"b"}) == 0


def test_bands_find_what_is_at_the_threshold() -> None:
    assert bands_for(0.75) == Bands(40, 8)
    assert bands_for(1) == Bands(1, 320)
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95):
        bands = bands_for(threshold)
        assert bands.found(threshold) >= 0.98
        assert bands.number * bands.rows <= 320


def test_planted_near_duplicates_are_found_and_nothing_else(tmp_path: Path) -> None:
    texts, planted = planted_set(3_000, 400, 0.75, seed=1)
    path = write_rows(tmp_path / "rows.jsonl", *({"id": f"{n}", "prompt": text} for n, text in enumerate(texts)))
    found = dedup([str(path)], tmp_path / "kept.jsonl")
    left_out = {
        int(one["id"]): (int(one["duplicate_of_id"]), one["similarity"]) for one in dropped(tmp_path / "kept.jsonl")
    }
    # Of each pair the later row, with the true similarity.
    expected = {max(one.row, one.source): (min(one.row, one.source), round(one.similarity, 4)) for one in planted}
    right = {row: told for row, told in left_out.items() if expected.get(row) == told}
    assert len(right) >= 0.98 * len(planted)
    assert len(right) >= 0.99 * len(left_out)
    assert found.exact == sum(one.similarity == 1 for one in planted)
    assert found.kept == 3_000 - len(left_out) == len((tmp_path / "kept.jsonl").read_text().splitlines())
    assert {one.edit for one in planted} == set(EDITS)


def test_a_row_is_left_out_for_a_kept_row_only() -> None:
    # Each like its neighbours, and not like the one after that: the middle one goes, the last one stays.
    words = [f"word{letter}" for letter in "abcdefghijklmn"]
    first, middle, last = (" ".join(words[start : start + 12]) for start in range(3))
    alike = jaccard(shingles(first), shingles(last))
    assert kept_of(first, middle, last, threshold=alike + 0.01) == [first, last]
    assert kept_of(first, middle, last, threshold=alike) == [first]


def test_many_copies_and_rows_without_text() -> None:
    assert kept_of(*[A] * 50, "", "", B, *[A.upper()] * 50) == [A, "", "", B]


def test_many_rows_of_one_pattern_are_one_cluster() -> None:
    rows = [f"Question number {n}: what should I know about the thing in my neighbour's shed?" for n in range(300)]
    assert kept_of(*rows) == rows[:1]


def test_no_two_kept_rows_of_a_pattern_are_alike() -> None:
    words = [f"{a}{b}" for a in ("table", "garden", "window") for b in ("cloth", "chair", "frame", "shoe", "fish")]
    rows = [f"Where do I buy a {one} and a {other} for my friend?" for one in words for other in words]
    kept = kept_of(*rows)
    sets = [shingles(plain(row)) for row in rows]
    # What a plain reading of the rule keeps: row by row, what is like no kept row.
    expected: list[int] = []
    for row, own in enumerate(sets):
        if all(jaccard(sets[other], own) < 0.75 for other in expected):
            expected.append(row)
    assert 10 < len(expected) < 100
    assert kept == [rows[row] for row in expected]


def test_chinese_prompts_are_compared_by_two_characters() -> None:
    assert kept_of("请告诉我怎样在家里做面包", "告诉我怎样在家里做面包。", "请告诉我怎样修自行车") == [
        "请告诉我怎样在家里做面包",
        "请告诉我怎样修自行车",
    ]


def test_a_threshold_of_one_leaves_out_the_same_text_only() -> None:
    assert kept_of(A, ALMOST_A, A.upper(), threshold=1) == [A, ALMOST_A]


LINES = {
    "rows.jsonl": (
        b'\xef\xbb\xbf{"prompt": "How do I boil an egg for breakfast?"}\r\n\n'
        b'{"prompt":  "Why is the sky blue?", "x": 1e5}\r\n'
        b'{"prompt": "how do i BOIL an egg, for breakfast"}\n{"prompt": "Who am I?"}',
        b'\xef\xbb\xbf{"prompt": "How do I boil an egg for breakfast?"}\r\n\n'
        b'{"prompt":  "Why is the sky blue?", "x": 1e5}\r\n'
        b'{"prompt": "Who am I?"}\n',
    ),
    "rows.csv": (
        b'id,"the\nprompt",n\r\n1,"How do I boil an egg\nfor breakfast?",007\r\n'
        b"2,how do i boil an egg for breakfast,1\r\n"
        b'3,"Why, is ""it"" blue?",1\r\n',
        b'id,"the\nprompt",n\r\n1,"How do I boil an egg\nfor breakfast?",007\r\n3,"Why, is ""it"" blue?",1\r\n',
    ),
    "rows.tsv": (
        b"the\nprompt\tn\n".replace(b"the\n", b"the ") + b"Who am I?\t1\nwho am i\t2\n",
        b"the prompt\tn\nWho am I?\t1\n",
    ),
    "rows.txt": (b"Who am I?\n\nWhy?\r\nwho am I\n", b"Who am I?\n\nWhy?\r\n"),
}


@pytest.mark.parametrize("name", LINES)
def test_kept_lines_stay_byte_for_byte(tmp_path: Path, name: str) -> None:
    before, after = LINES[name]
    (tmp_path / name).write_bytes(before)
    column = {"rows.csv": ("the\nprompt",), "rows.tsv": ("the prompt",)}.get(name, ())
    to = tmp_path / f"kept{Path(name).suffix}"
    found = dedup([str(tmp_path / name)], to, Reading(column))
    assert to.read_bytes() == after
    assert found.exact == 1
    (one,) = dropped(to)
    assert one["similarity"] == 1
    assert one["where"].startswith(f"{tmp_path / name}:")


def test_gzip_in_and_out_is_the_same_each_time(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "rows.jsonl.gz", "wb") as file:
        file.write(LINES["rows.jsonl"][0])
    made = []
    for n in range(2):
        to = tmp_path / f"kept-{n}.jsonl.gz"
        dedup([str(tmp_path / "rows.jsonl.gz")], to)
        assert gzip.decompress(to.read_bytes()) == LINES["rows.jsonl"][1]
        made.append(to.read_bytes() + Path(f"{to}.dropped.jsonl").read_bytes())
    assert made[0] == made[1]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = pa.table({"prompt": [A, ALMOST_A, B], "n": pa.array([1, 2, 3], pa.int8()), "l": [["x"], [], None]})
    pq.write_table(table, tmp_path / "rows.parquet")
    dedup([str(tmp_path / "rows.parquet")], tmp_path / "kept.parquet")
    assert pq.read_table(tmp_path / "kept.parquet").equals(table.take([0, 2]))


def test_inputs_of_several_formats_become_rows_of_json(tmp_path: Path, lines: Callable[[Path], list[Any]]) -> None:
    (tmp_path / "one.csv").write_text(f"prompt,n\n{A},1\n")
    write_rows(tmp_path / "two.jsonl", {"prompt": ALMOST_A}, {"prompt": B, "n": [1]})
    files = [str(tmp_path / "one.csv"), str(tmp_path / "two.jsonl")]
    dedup(files, tmp_path / "kept.jsonl")
    assert lines(tmp_path / "kept.jsonl") == [{"prompt": A, "n": "1"}, {"prompt": B, "n": [1]}]
    with pytest.raises(ExportError, match=r"kept\.csv: rows of \.csv, \.jsonl are written in the same format, or as"):
        dedup(files, tmp_path / "kept.csv")


def test_the_first_file_wins_and_each_line_ends(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_bytes(b'{"prompt":"Who am I?"}')
    (tmp_path / "2.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt":"Why so?"}\n{"prompt":"WHO AM I"}\n')
    dedup([str(tmp_path / name) for name in ("1.jsonl", "2.jsonl")], tmp_path / "kept.jsonl")
    assert (tmp_path / "kept.jsonl").read_bytes() == b'{"prompt":"Who am I?"}\n{"prompt":"Why so?"}\n'
    (one,) = dropped(tmp_path / "kept.jsonl")
    assert one["duplicate_of"] == f"{tmp_path / '1.jsonl'}:1"


def test_what_of_a_row_counts(tmp_path: Path) -> None:
    def row(answer: str, system: str = "Be kind.") -> dict[str, Any]:
        turns = [("system", system), ("user", A), ("assistant", answer)]
        return {"messages": [{"role": role, "content": text} for role, text in turns], "metadata": f"{answer * 9}"}

    path = write_rows(tmp_path / "sft.jsonl", row("Boil it for six minutes."), row("No.", "Be brief, and be rude."))
    assert dedup([str(path)], tmp_path / "1.jsonl").kept == 1
    assert dedup([str(path)], tmp_path / "2.jsonl", Reading(on="row")).kept == 2
    texts = [item.text for item in items([str(path)], Reading(on="row"))]
    assert texts == [f"{A}\nBoil it for six minutes.", f"{A}\nNo."]
    pairs = write_rows(tmp_path / "pairs.jsonl", {"id": "1", "q": A, "a": "x"}, {"id": "2", "q": A, "a": B})
    assert dedup([str(pairs)], tmp_path / "3.jsonl", Reading(("q",))).kept == 1
    assert dedup([str(pairs)], tmp_path / "4.jsonl", Reading(("a",), on="row")).kept == 2
    with pytest.raises(SourceError, match=r"pairs\.jsonl:1: no column 'nope'; there are: id, q, a"):
        dedup([str(pairs)], tmp_path / "5.jsonl", Reading(("nope",), on="row"))


def test_an_export_is_deduplicated_as_it_is(generated: Callable[..., Path], tmp_path: Path, here: Run) -> None:
    run = generated()
    assert here("export", run, "--to", tmp_path / "data").code == 0
    rows = next((tmp_path / "data" / "sft").glob("train*.jsonl"))
    ran = here("prompts", "dedup", rows, "--to", tmp_path / "kept.jsonl", "--format", "json", "--on", "row")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["rows"] == len(rows.read_text().splitlines())


def test_faults_are_told_before_anything_is_read(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", {"prompt": A})
    there = write_rows(tmp_path / "there.jsonl", {"prompt": A})

    def fault(kind: type[ConstitutionError], to: str, **changes: Any) -> str:
        with pytest.raises(kind) as told:
            dedup([str(path)], tmp_path / to, **changes)
        return told.value.message.replace(f"{tmp_path}/", "")

    assert fault(ExportError, "there.jsonl") == "there.jsonl: is there already"
    assert fault(ExportError, "rows.jsonl") == "rows.jsonl: is read and cannot be written at once"
    assert fault(ExportError, "none/x.jsonl").startswith("none/x.jsonl: there is no folder ")
    assert fault(ExportError, "x.json").startswith("x.json: its ending tells no format that is known: .jsonl,")
    assert fault(ExportError, "x.csv") == "x.csv: rows of .jsonl are written in the same format, or as .jsonl"
    assert fault(ConfigError, "x.jsonl", threshold=0.1) == "--threshold 0.1: not from 0.3 to 1"
    assert there.read_text() == path.read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["rows.jsonl", "there.jsonl"]
    dedup([str(path)], there, overwrite=True)
    path.write_text("")
    assert fault(SourceError, "y.jsonl") == "rows.jsonl: no rows"


def test_tables_of_other_columns_are_not_joined(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("prompt,n\nWho?,1\n")
    (tmp_path / "2.csv").write_text("prompt,m\nWhy?,1\n")
    with pytest.raises(SourceError, match=r"2\.csv: other columns than .*1\.csv"):
        dedup([str(tmp_path / "1.csv"), str(tmp_path / "2.csv")], tmp_path / "kept.csv")
    assert not (tmp_path / "kept.csv").exists()


def test_the_command_tells_what_it_did(tmp_path: Path, here: Run) -> None:
    path = write_rows(tmp_path / "rows.jsonl", {"prompt": A}, {"prompt": ALMOST_A}, {"prompt": A}, {"prompt": " "})
    ran = here("prompts", "dedup", path, "--to", tmp_path / "kept.jsonl")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{tmp_path / 'kept.jsonl'}: 2 of 4 rows kept",
        "  left out: 1 of the same text, 1 at least 0.75 like a kept row",
        "  without text: 1 rows, kept",
    ]
    assert ran.err == f"Which ones, and why: {tmp_path / 'kept.jsonl'}.dropped.jsonl\n"
    ran = here("prompts", "dedup", tmp_path / "none.jsonl", "--to", tmp_path / "other.jsonl")
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: {tmp_path / 'none.jsonl'}: no such file")
