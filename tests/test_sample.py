"""`sample`: how many of each stratum, which ones, and what is written of them."""

import csv
import io
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from exporting import comparison, judged, stored, transcript
from markdown_it import MarkdownIt

from constitution.errors import ConfigError, ConstitutionError, ExportError, RunError, command
from constitution.records import Comparison, Failure
from constitution.samples import as_text, choose_format, draw, write_sample
from constitution.samples.allocation import allocate
from constitution.samples.fields import confidence
from constitution.spreadsheets import plain_cell, safe_cell

Cli = Callable[..., subprocess.CompletedProcess[str]]
PS = (0.5, 0.55, 0.7, 0.9, 0.02)


def pairs(number: int) -> list[Comparison]:
    """Of ten: one tie, one without a verdict, and eight labelled ones from nearly even to sure."""
    return [
        comparison(
            n,
            f"Question {n}?",
            f"First {n}.",
            f"Second {n}.",
            None if n % 10 == 9 else PS[n % 5],
            status="invalid" if n % 10 == 9 else "tie" if n % 10 == 0 else "labelled",
            metadata={"topic": f"topic {n % 3}"},
        )
        for n in range(number)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with 200 transcripts, every fourth unchanged and every tenth cut, and 200 comparisons."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    chains = [
        transcript(n, f"Question {n}?", f"Bad {n}.", f"{'Bad' if n % 4 == 0 else 'Good'} {n}.", cut=[1] * (n % 10 == 0))
        for n in range(200)
    ]
    return judged(stored(folder, chains), pairs(200))


def drawn(run: Path, number: int, **options: Any) -> list[dict[str, Any]]:
    """The items of a sample, as its JSONL file holds them."""
    blind = options.pop("blind", False)
    return [json.loads(line) for line in as_text(draw(run, number, **options), "jsonl", blind).splitlines()]


# How many


@pytest.mark.parametrize(
    ("sizes", "number", "equal", "expected"),
    [
        # Quotas 9, 0.9, 0.1 of ten; the smallest stratum is there all the same.
        ((90, 9, 1), 10, False, [8, 1, 1]),
        ((90, 9, 1), 20, False, [17, 2, 1]),
        ((60, 30, 10), 10, False, [6, 3, 1]),
        ((50, 50), 5, False, [3, 2]),
        # Fewer items than strata: the largest have one.
        ((5, 4, 3, 2), 2, False, [1, 1, 0, 0]),
        ((3, 2, 1), 100, False, [3, 2, 1]),
        ((90, 9, 1), 10, True, [5, 4, 1]),
        ((90, 9, 4), 9, True, [3, 3, 3]),
        ((90, 9, 1), 60, True, [50, 9, 1]),
        ((7,), 3, False, [3]),
    ],
)
def test_items_are_shared_out_in_proportion_and_each_stratum_has_one(
    sizes: tuple[int, ...], number: int, equal: bool, expected: list[int]
) -> None:
    assert allocate(sizes, number, equal) == expected


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("sizes", [(500, 301, 300, 40, 7, 1, 1), (13, 7, 7, 2), (1, 1, 1)])
def test_a_larger_sample_takes_no_stratum_an_item_away(sizes: tuple[int, ...], equal: bool) -> None:
    before = allocate(sizes, 1, equal)
    for number in range(2, sum(sizes) + 2):
        after = allocate(sizes, number, equal)
        assert sum(after) == min(number, sum(sizes))
        assert all(0 <= fewer <= more <= size for fewer, more, size in zip(before, after, sizes, strict=True))
        before = after


def test_shares_are_near_the_exact_ones_where_all_are_large() -> None:
    sizes = (4001, 2503, 1777, 1009, 710)
    for number in range(50, 2000, 37):
        quotas = [size * number / sum(sizes) for size in sizes]
        assert all(abs(had - quota) < 1 for had, quota in zip(allocate(sizes, number), quotas, strict=True))


# Which


def test_comparisons_are_divided_by_status_and_confidence(run: Path) -> None:
    sample = draw(run, 20)
    assert sample.of == "comparisons" and sample.population == 200
    told = {(*stratum.values.values(),): (stratum.size, stratum.drawn) for stratum in sample.strata}
    assert told == {
        ("labelled", "sure"): (60, 6),
        ("labelled", "leaning"): (40, 4),
        ("labelled", "nearly even"): (60, 6),
        ("tie", "nearly even"): (20, 2),
        ("invalid", "(none)"): (20, 2),
    }
    assert [confidence(p) for p in (None, 0.5, 0.401, 0.4, 0.6, 0.21, 0.2, 1.0)] == [
        "(none)",
        *["nearly even"] * 2,
        *["leaning"] * 3,
        *["sure"] * 2,
    ]


def test_weights_add_up_to_the_run_whatever_the_shares(run: Path) -> None:
    for equal in (False, True):
        items = drawn(run, 30, equal=equal)
        assert sum(item["weight"] for item in items) == pytest.approx(200)
        estimate = sum(item["weight"] for item in items if item["status"] == "labelled")
        assert estimate == pytest.approx(160)
        for item in items:
            assert item["weight"] == item["stratum_size"] / item["stratum_drawn"]
        assert Counter(json.dumps(item["stratum"]) for item in items) == {
            json.dumps(item["stratum"]): item["stratum_drawn"] for item in items
        }


def test_the_same_seed_draws_the_same_and_a_larger_sample_holds_every_smaller_one(run: Path) -> None:
    assert drawn(run, 25) == drawn(run, 25)
    before: list[str] = []
    for number in (3, 10, 25, 60, 200, 500):
        ids = [item["id"] for item in drawn(run, number)]
        assert [id for id in ids if id in before] == before
        assert len(set(ids)) == len(ids) == min(number, 200)
        before = ids
    assert {item["id"] for item in drawn(run, 25, seed=1)} != {item["id"] for item in drawn(run, 25)}


def test_each_item_is_drawn_about_as_often_as_any_other_of_its_stratum(run: Path) -> None:
    counts = Counter(
        item["id"] for seed in range(60) for item in drawn(run, 40, seed=seed, by=["status"]) if item["p"] == 0.9
    )
    # 40 such items, each drawn with probability 1/5 at each of 60 seeds: mean 12, standard deviation 3.1.
    assert len(counts) == 40
    assert 8 * 40 < counts.total() < 16 * 40 and max(counts.values()) < 12 + 5 * 3.1


def test_the_order_in_which_rows_finished_changes_nothing(tmp_path: Path) -> None:
    samples = [
        as_text(draw(judged(tmp_path / name, rows), 12), "jsonl")
        for name, rows in (("a", pairs(50)), ("b", pairs(50)[::-1]))
    ]
    assert samples[0] == samples[1]


def test_transcripts_are_divided_by_whether_they_changed_and_were_cut(run: Path) -> None:
    sample = draw(run, 20, of="transcripts")
    told = {(*stratum.values.values(),): stratum.size for stratum in sample.strata}
    assert told == {
        ("changed", "whole"): 140,
        ("unchanged", "whole"): 40,
        ("changed", "cut"): 10,
        ("unchanged", "cut"): 10,
    }
    item = next(item for item in drawn(run, 20, of="transcripts") if item["stratum"]["changed"] == "changed")
    assert item["id"] == item["row"] and item["rounds"][0]["critique"] == "Critique 1."
    assert item["response"]["text"].startswith("Bad") and item["rounds"][-1]["revision"]["text"].startswith("Good")


def test_fields_can_be_named_columns_of_the_input_too(run: Path) -> None:
    strata = draw(run, 9, by=["meta.topic"]).strata
    assert {stratum.values["meta.topic"]: stratum.size for stratum in strata} == {
        "topic 0": 67,
        "topic 1": 67,
        "topic 2": 66,
    }
    for field in ("principle", "source", "model", "gold", "cut"):
        assert [stratum.size for stratum in draw(run, 5, by=[field]).strata] == [200]


def test_a_long_value_is_told_in_short_and_still_divides(tmp_path: Path) -> None:
    rows = [comparison(n, "Q?", "A", "B", 0.9, metadata={"text": "x" * 5000 + str(n % 2)}) for n in range(10)]
    strata = draw(judged(tmp_path / "run", rows), 4, by=["meta.text"]).strata
    assert [stratum.size for stratum in strata] == [5, 5]
    assert all(len(stratum.values["meta.text"]) <= 64 for stratum in strata)


# What is written


def test_a_blind_sample_tells_nothing_but_the_prompt_and_two_responses(run: Path) -> None:
    blind, sighted = drawn(run, 60, blind=True), drawn(run, 60)
    assert [list(item) for item in blind] == [["blind_id", "of", "prompt", "a", "b"]] * 60
    assert len({item["blind_id"] for item in blind}) == 60
    key = {item["blind_id"]: item for item in sighted}
    sides = Counter[str]()
    for hidden in blind:
        seen = key[hidden["blind_id"]]
        other = {"first": "second", "second": "first"}[seen["as_a"]]
        assert (hidden["a"], hidden["b"]) == (seen[seen["as_a"]]["text"], seen[other]["text"])
        sides[seen["as_a"]] += 1
    # Binomial, 60 draws at 1/2: mean 30, standard deviation 3.9.
    assert 14 < sides["first"] < 46
    for format in ("jsonl", "csv", "markdown"):
        text = as_text(draw(run, 60), format, blind=True)
        for word in ("labelled", "tie", "sure", "leaning", "sample-1", "row-", "principle", "small", "0.9", "topic"):
            assert word not in text, (format, word)
        assert not [word for word in ("weight", "size", "stratum") if word in text]
        assert all(hidden["blind_id"] in text for hidden in blind)
    chain = drawn(run, 5, of="transcripts", blind=True)[0]
    assert sorted([chain["a"][:3], chain["b"][:3]]) in (["Bad", "Goo"], ["Bad", "Bad"])
    assert "rounds" not in chain


@pytest.mark.parametrize("format", ["csv", "markdown"])
def test_the_key_to_a_blind_sample_bears_its_ids_in_every_format(run: Path, format: Any) -> None:
    sighted, ids = as_text(draw(run, 20), format), [item["blind_id"] for item in drawn(run, 20, blind=True)]
    assert all(sighted.count(id) == 1 for id in ids)


def test_a_blind_id_cannot_be_told_from_ids_and_texts_and_changes_with_the_seed(tmp_path: Path) -> None:
    """Same ids and texts, another label: who does not have the run cannot make the hash, nor tell the order of two."""
    likely, unlikely = (
        judged(tmp_path / name, [comparison(n, f"Q{n}?", "One.", "Two.", p) for n in range(40)])
        for name, p in (("likely", 0.9), ("unlikely", 0.1))
    )
    known = [{item["blind_id"]: item["as_a"] for item in drawn(run, 40)} for run in (likely, unlikely)]
    assert known[0].keys().isdisjoint(known[1])
    assert known[0].keys().isdisjoint(item["blind_id"] for item in drawn(likely, 40, seed=1))
    sides = [{item["id"]: item["as_a"] for item in drawn(run, 40)} for run in (likely, unlikely)]
    assert sides[0] != sides[1]


def test_one_text_twice_is_never_drawn_and_told_of(run: Path, tmp_path: Path, cli: Cli) -> None:
    twice = [comparison(n, f"Question {n}?", "Same.", " Same.\n", 0.5, status="tie") for n in range(100, 107)]
    mixed = judged(tmp_path / "mixed", [*pairs(20), *twice])
    sample = draw(mixed, 100)
    assert (sample.population, sample.identical) == (20, 7)
    items = drawn(mixed, 100)
    assert len(items) == 20 and not [item for item in items if item["first"]["text"] == "Same."]
    assert sum(item["weight"] for item in drawn(mixed, 9)) == pytest.approx(20)
    assert "Left out were comparisons of one text with itself: 7." in as_text(sample, "markdown")
    assert draw(run, 5).identical == 0 and "itself" not in as_text(draw(run, 5), "markdown")
    told = cli("sample", mixed, "-n", 9)
    assert "left out, as nobody was asked: comparisons of one text with itself (7)\n" in told.stderr
    with pytest.raises(ExportError) as bad:
        draw(judged(tmp_path / "same", twice), 5)
    assert "(7) are all of one text with itself" in bad.value.message


HOSTILE = (
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "'=1+1",
    "```\n\n# Heading\n\n<script>alert(1)</script>\n```",
    "~~~\n`````\n![x](http://evil.example/x.png)\n`````",
    "<img src=http://evil.example/x onerror=alert(1)>",
    "[link](javascript:alert(1)) http://evil.example/",
    "\x1b[31mred\x1b[0m \x9b5n \u202eturned\u202c \x00 end",
    'a "quoted", cell\nand; another | line',
    "| a | b |\n|---|---|\n\n---\n\n    indented",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each text as a prompt, as both responses, as a source, a column's value and a principle's place in a stratum."""
    rows = [
        comparison(n, text, f"{text}1", f"{text}2", 0.9, metadata={"topic": text, text: 1}, sources=("a", text))
        for n, text in enumerate(HOSTILE)
    ]
    chains = [transcript(n, text, text, f"{text}3", metadata={"topic": text}) for n, text in enumerate(HOSTILE)]
    return judged(stored(tmp_path_factory.mktemp("hostile") / "run", chains), rows)


@pytest.mark.parametrize("of", ["comparisons", "transcripts"])
@pytest.mark.parametrize("blind", [False, True])
def test_markdown_shows_hostile_texts_letter_by_letter(hostile: Path, of: Any, blind: bool) -> None:
    text = as_text(draw(hostile, 100, of=of, by=["meta.topic"]), "markdown", blind)
    assert text.isprintable() or set(char for char in text if not char.isprintable()) <= {"\n", "\t"}
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    found = Counter[str]()
    shown: list[str] = []
    for token in parser.parse(text):
        found[token.type] += 1
        found.update(child.type for child in token.children or [])
        if token.type == "fence":
            shown.append(token.content)
    for kind in ("html_block", "html_inline", "image", "link_open", "code_block", "hr"):
        assert not found[kind], kind
    assert found["heading_open"] == 1 + len(HOSTILE) and found["table_open"] == (not blind)
    for said in HOSTILE:
        plain = "".join("�" if char in "\r\x1b\x9b\x00\u202e\u202c" else char for char in said)
        assert f"{plain}\n" in shown


def test_a_spreadsheet_runs_nothing_of_a_table(hostile: Path) -> None:
    for of in ("comparisons", "transcripts"):
        rows = list(csv.reader(io.StringIO(as_text(draw(hostile, 100, of=of, by=["meta.topic"]), "csv"))))
        assert len(rows) == 1 + len(HOSTILE) and {len(row) for row in rows} == {len(rows[0])}
        for row in rows:
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝")), cell
        prompts = {plain_cell(row[rows[0].index("prompt")]) for row in rows[1:]}
        assert {text for text in HOSTILE if text.replace("\n", "").isprintable()} < prompts


@pytest.mark.parametrize("text", [*HOSTILE, "", "'", "''=1", "plain", "a=b"])
def test_a_cell_is_read_as_it_was_written(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text


def test_jsonl_holds_the_very_texts_a_line_each(hostile: Path) -> None:
    sample = draw(hostile, 100)
    lines = as_text(sample, "jsonl").split("\n")
    assert lines.pop() == "" and len(lines) == len(HOSTILE)
    assert {json.loads(line)["prompt"][0]["content"] for line in lines} == set(HOSTILE)


@pytest.mark.parametrize("of", ["comparisons", "transcripts"])
@pytest.mark.parametrize("blind", [False, True])
def test_datasets_loads_it(run: Path, tmp_path: Path, of: Any, blind: bool) -> None:
    import datasets

    datasets.disable_progress_bars()
    write_sample(draw(run, 30, of=of), tmp_path / "sample.jsonl", "jsonl", blind=blind)
    loaded = datasets.load_dataset("json", data_files=str(tmp_path / "sample.jsonl"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].to_list() == drawn(run, 30, of=of, blind=blind)


def test_strata_without_an_item_are_told_together(run: Path) -> None:
    text = as_text(draw(run, 2), "markdown")
    assert text.count("| labelled |") == 2
    assert "Strata that have no item, and are not told of: 3, of 80 comparisons." in text


# Refusals


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"number": 0}, "-n 0: a sample has at least one item"),
        ({"by": ["stats"]}, "--by 'stats': comparisons have no such field; did you mean 'status'?"),
        ({"by": ["status", "status"]}, "--by: 'status' is there twice"),
        ({"by": ["meta.topics"]}, "no row of the input has that column; did you mean 'topic'?"),
        ({"by": ["changed"]}, "comparisons have no such field"),
        ({"by": ["status"], "of": "transcripts"}, "transcripts have no such field"),
        ({"by": ["meta."]}, "comparisons have no such field"),
        ({"by": ["meta.topic"], "of": "transcripts"}, "its rows have no other columns"),
    ],
)
def test_what_cannot_be_drawn_is_refused(run: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as bad:
        draw(run, **({"number": 5} | options))
    assert told in bad.value.message


def test_a_run_without_anything_yet_is_refused(tmp_path: Path) -> None:
    failed = Failure(id="row-0", index=0, step="respond", kind="EmptyCompletion", message="nothing")
    empty = stored(tmp_path / "empty", [failed])
    with pytest.raises(ExportError) as bad:
        draw(empty, 5)
    assert "no transcripts yet (1 row = 0 done + 1 failed" in bad.value.message and "status" in bad.value.hint
    with pytest.raises(RunError):
        draw(empty, 5, of="comparisons")
    pairs_only = judged(tmp_path / "pairs", pairs(3))
    with pytest.raises(RunError) as only:
        draw(pairs_only, 5, of="transcripts")
    assert only.value.message == f"{pairs_only}: holds comparisons only, no transcripts"
    assert only.value.hint == f"Draw from these: {command('sample', pairs_only, '--of', 'comparisons')}"
    with pytest.raises(ExportError, match="no comparisons yet"):
        draw(judged(tmp_path / "begun", [], input=3), 5)
    with pytest.raises(RunError):
        draw(tmp_path / "none", 5)


def test_a_damaged_journal_is_told_with_its_line(tmp_path: Path) -> None:
    damaged = judged(tmp_path / "run", pairs(5))
    path = damaged / "comparisons.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Second 3", b"Secund 3"))
    with pytest.raises(RunError, match=r"comparisons\.jsonl:4: damaged"):
        draw(damaged, 2)


def test_files_are_whole_and_nothing_is_overwritten_unasked(run: Path, tmp_path: Path) -> None:
    sample, file = draw(run, 5), tmp_path / "sample.md"
    write_sample(sample, file, "markdown")
    assert [path.name for path in tmp_path.iterdir()] == ["sample.md"]
    assert file.read_text(encoding="utf-8") == as_text(sample, "markdown")
    file.write_text("mine")
    other = tmp_path / "other"
    other.mkdir()
    (other / "compare.json").write_text("{}")
    for target, told in (
        (file, "is there already"),
        (tmp_path, "a folder, not a file"),
        (tmp_path / "none" / "x.md", "there is no folder"),
        (run / "comparisons.jsonl", "in the run's folder"),
        (run / "new.md", "in the run's folder"),
        (other / "reviews.jsonl", "in the folder of another run"),
    ):
        with pytest.raises(ConstitutionError, match=told):
            write_sample(sample, target, "markdown", overwrite=target != file)
    assert file.read_text() == "mine" and not (run / "new.md").exists()
    write_sample(sample, file, "markdown", overwrite=True)
    assert file.read_text(encoding="utf-8").startswith("# A sample of run\n")


def test_the_files_name_tells_the_format_unless_it_is_given() -> None:
    assert [choose_format(Path(name), None) for name in ("a.jsonl", "a.CSV", "a.md")] == ["jsonl", "csv", "markdown"]
    assert choose_format(Path("a.txt"), "csv") == "csv" and choose_format(None, None) == "jsonl"
    with pytest.raises(ExportError, match="does not tell which format"):
        choose_format(Path("a.txt"), None)


# As it is typed


def test_the_command_prints_the_sample_and_tells_the_strata_beside_it(cli: Cli, run: Path, tmp_path: Path) -> None:
    printed = cli("sample", run, "-n", 20)
    assert printed.returncode == 0, printed.stderr
    assert [json.loads(line) for line in printed.stdout.splitlines()] == drawn(run, 20)
    assert "labelled, sure: 6 of 60\n" in printed.stderr and "invalid, (none): 2 of 20\n" in printed.stderr
    written = cli("sample", run, "-n", 500, "--to", "all.csv", "--of", "transcripts", "--by", "principle,cut")
    assert written.returncode == 0 and written.stdout == "", written.stderr
    assert "the run has no more than 200 transcripts: here are all" in written.stderr
    assert len(list(csv.reader(io.StringIO((tmp_path / "all.csv").read_text(encoding="utf-8"))))) == 201
    again = cli("sample", run, "--to", "all.csv")
    assert again.returncode == 2 and "all.csv: is there already" in again.stderr and "--overwrite" in again.stderr
    few = cli("sample", run, "-n", 2, "--as", "markdown", "--blind")
    assert "3 of 5 strata have no item" in few.stderr and few.stdout.count("**Response B**") == 2
    hidden = cli("sample", run, "-n", 20, "--blind", "--to", "blind.jsonl")
    assert hidden.returncode == 0 and hidden.stderr == "blind.jsonl: 20 of 200 comparisons\n"


def test_the_command_prints_nothing_that_steers_a_terminal(cli: Cli, hostile: Path) -> None:
    for format in ("jsonl", "csv", "markdown"):
        told = cli("sample", hostile, "--as", format, "--by", "meta.topic")
        assert told.returncode == 0, told.stderr
        for text in (told.stdout, told.stderr):
            assert set("\x1b\x9b\x00\u202e\r").isdisjoint(text)
    assert "evil.example" in told.stdout


def test_a_reader_that_leaves_early_is_no_error(run: Path, cli: Cli, tmp_path: Path) -> None:

    many = judged(tmp_path / "many", [comparison(n, "Q?", "word " * 400, "B", 0.9) for n in range(200)])
    command = f"set -o pipefail; '{PROGRAM}' sample '{many}' -n 200 | head -c 10"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8", timeout=60)
    assert ended.returncode == 0 and ended.stdout == '{"id": "ro', ended.stderr
    assert "Error" not in ended.stderr
