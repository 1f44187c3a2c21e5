"""`--shard i/n`: a run of every n-th row gives the rows that the whole run gives, and is a run like any other."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import sorted_lines

from constitution.config import CompareSettings, Settings, load_settings
from constitution.errors import ConfigError, RunError
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, load_manifest
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.shards import Shard
from constitution.sources import scan
from constitution.store import count, transcripts

Generated = Callable[..., Path]
RULES = """name: mine
version: '1'
description: Calm.
rules:
- {id: calm, proposition: The response is calm., weight: 1}
"""
NAMES = ("calls.jsonl", "transcripts.jsonl", "failures.jsonl", "filtered.jsonl")


@given(st.integers(1, 9), st.integers(0, 20), st.integers(0, 60))
def test_shards_share_out_every_row_once_and_tell_how_many_they_hold(of: int, skip: int, rows: int) -> None:
    shards = [Shard(number, of) for number in range(1, of + 1)]
    window = range(skip, skip + rows)
    assert all(sum(shard.holds(index) for shard in shards) == 1 for index in window)
    numbers = [shard.rows(skip, rows) for shard in shards]
    assert numbers == [sum(map(shard.holds, window)) for shard in shards]
    assert max(numbers) - min(numbers) <= 1


def test_a_shard_is_read_as_it_is_written_and_none_is_the_whole() -> None:
    assert str(Shard.parse("2/8")) == "2/8"
    assert Shard.parse(None).rows(3, 10) == 10


@pytest.mark.parametrize("typed", ["0/8", "9/8", "8", "2/0", "2/", "a/b", "1/2/3", "-1/2", " 1/2", "1/2\n", "1/2٢"])
def test_what_is_no_shard_is_refused_with_what_was_typed(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"^--shard: ") as refusal:
        load_settings(None, {"prompts": "p", "out": "o", "shard": typed})
    assert repr(typed)[1:-1] in refusal.value.message


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """Thirteen rows: ids from content, of which several are equal, some that ask nothing, one with an id of its own."""
    path = tmp_path / "repeated.jsonl"
    asked = ["Why?", "How?", "", "Why?", "Why?", "What is 4?", "", "How?", "Who?", "Why?", "Where?", "How?", "When?"]
    rows: list[dict[str, Any]] = [{"prompt": text} for text in asked]
    rows[8]["id"] = "own"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("window", [{}, {"skip": 2, "limit": 9}], ids=["all", "skip and limit"])
def test_shards_together_are_the_whole_run_line_by_line(
    generated: Generated, repeated: Path, window: dict[str, int]
) -> None:
    given = {"prompts": str(repeated), "rounds": 2} | window
    whole = generated("whole", **given)
    shards = [generated(f"shard-{n}", shard=f"{n}/3", **given) for n in (1, 2, 3)]
    for name in NAMES:
        assert sorted(line for shard in shards for line in sorted_lines(shard / name)) == sorted_lines(whole / name)
    counted, all_rows = [count(shard) for shard in shards], count(whole)
    assert [one.pending for one in counted] == [0, 0, 0]
    assert sum(one.input for one in counted) == all_rows.input == (9 if window else 13)
    assert sum(one.filtered for one in counted) == all_rows.filtered


def test_a_shard_goes_on_as_itself_and_never_as_another(generated: Generated, prompts: Path) -> None:
    run = generated(shard="2/5")
    before = {path.name: path.read_bytes() for path in run.glob("*.jsonl")}
    generated(shard="2/5")
    assert {path.name: path.read_bytes() for path in run.glob("*.jsonl")} == before
    for other in ({"shard": "3/5"}, {}):
        with pytest.raises(RunError, match=r'shard: "2/5" → ("3/5"|null)'):
            generated(**other)
    manifest = load_manifest(run)
    # Rows 1, 6 and 11 of twelve; the digest is of all twelve.
    assert (manifest.input, manifest.whole) == (3, 12)
    assert manifest.affecting["prompts (content)"] == scan(Settings(prompts=str(prompts), out="-")).digest
    assert [row.index for row in transcripts(run)] == [1, 6, 11]


def test_a_row_that_changed_in_another_shard_changes_this_one_too(generated: Generated, prompts: Path) -> None:
    run = generated(shard="2/5")
    prompts.write_text(prompts.read_text(encoding="utf-8").replace("number 4", "number four"), encoding="utf-8")
    with pytest.raises(RunError, match=r"prompts \(content\)"):
        generated(shard="2/5")
    assert count(run).done == 3


def test_a_fork_of_a_shard_into_finer_ones_makes_no_call_again(
    generated: Generated, lines: Callable[[Path], list[Any]]
) -> None:
    coarse = generated("coarse", shard="2/3")
    fine = generated("fine", shard="5/6", reuse=coarse)
    assert [row.index for row in transcripts(fine)] == [4, 10]
    taken = lines(fine / "calls.jsonl")
    assert len(taken) == 6
    # With the very times at which they were made.
    made = [call | {"lent": True} for call in lines(coarse / "calls.jsonl")]
    assert all(call in made for call in taken)


def test_more_shards_than_rows_are_refused_whichever_is_asked_for(generated: Generated, tmp_path: Path) -> None:
    for shard in ("1/13", "13/13"):
        with pytest.raises(ConfigError, match=f"--shard {shard}: the input has 12 rows, too few for 13 shards"):
            generated("none", shard=shard)
    assert not (tmp_path / "none").exists()
    assert count(generated("most", shard="12/12")).input == 1


def test_pairs_of_a_file_are_not_judged_once_a_shard(generated: Generated, tmp_path: Path) -> None:
    compare = CompareSettings(pairs="file", file="pairs.jsonl")
    with pytest.raises(ConfigError, match="--shard 1/2 with --compare of pairs from a file"):
        generated("none", shard="1/2", compare=compare)
    assert not (tmp_path / "none").exists()


def test_the_later_stages_of_a_shard_are_those_of_its_rows(generated: Generated, tmp_path: Path) -> None:
    # A limit is on the input: of its first five rows a shard compares and scores its own.
    ruled = tmp_path / "rules.yaml"
    ruled.write_text(RULES, encoding="utf-8")
    compare, score = (
        CompareSettings(principles_per_pair=1, limit=5),
        ScoreSettings(principles=str(ruled), limit=5),
    )
    folders = [generated("whole"), *(generated(f"shard-{n}", shard=f"{n}/2") for n in (1, 2))]
    for folder in folders:
        asyncio.run(label_pairs(folder, compare))
        asyncio.run(score_run(folder, score))
    whole, *shards = folders
    for name in ("comparisons.jsonl", "compare-calls.jsonl", "scores.jsonl", "score-calls.jsonl"):
        assert sorted(line for shard in shards for line in sorted_lines(shard / name)) == sorted_lines(whole / name)
    assert [count(shard, COMPARE).equation for shard in shards] == [
        "3 rows = 3 done + 0 failed + 0 filtered + 0 pending",
        "2 rows = 2 done + 0 failed + 0 filtered + 0 pending",
    ]


def test_a_shard_is_shown_exported_and_reported_as_a_run_of_its_rows(
    generated: Generated, cli: Callable[..., Any], tmp_path: Path
) -> None:
    run = generated(shard="2/5")
    assert "3 rows = 3 done + 0 failed + 0 filtered + 0 pending" in (told := cli("status", run).stdout)
    assert "shard 2/5 of an input of 12 rows" in told
    assert cli("export", run, "--to", "data", "--test-fraction", 0).returncode == 0
    assert len((tmp_path / "data" / "sft" / "train.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert cli("report", run).returncode == 0
    told = (run / "report.html").read_text(encoding="utf-8")
    assert "Question number 6?" in told
    assert "Question number 7?" not in told
    assert "row-11" in cli("show", run, "row-11").stdout
