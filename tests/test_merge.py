"""`constitution merge`: shards joined are the run that was never cut; see `test_merge_refused`, too."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from given_reviews import on_revision
from journals import sorted_lines

from constitution.config import CompareSettings
from constitution.errors import CapReached
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, REVISE, SCORE, load_manifest
from constitution.merging import merge
from constitution.report.summary import Summary
from constitution.reviews import reviews
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.store import count, transcripts

Generated = Callable[..., Path]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
JOURNALS = [name for one in (REVISE, COMPARE, SCORE) for name in (one.calls, one.outcomes, one.failures, one.filtered)]
COMPARED = CompareSettings(pairs="revisions", principles_per_pair=1)
ANSWERS = """
- {when: "number (4|7)[?]", error: the server hung up}
- {when: "", reply: "Well, {}."}
"""
RULES = """name: mine
version: '1'
description: Calm.
rules:
- {id: calm, proposition: The response is calm., weight: 1}
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_merged_run_is_the_whole_one_in_all_stages_line_by_line(
    generated: Generated, shards: Callable[..., list[Path]], prompts: Path, tmp_path: Path
) -> None:
    answers, rules = tmp_path / "answers.yaml", tmp_path / "rules.yaml"
    answers.write_text(ANSWERS, encoding="utf-8")
    rules.write_text(RULES, encoding="utf-8")
    prompts.write_text(prompts.read_text(encoding="utf-8").replace("Question number 5?", ""), encoding="utf-8")
    given = {"model": str(answers), "skip": 1, "limit": 10}
    whole = generated("whole", **given)
    parts = shards(3, **given)
    for folder in (whole, *parts):
        asyncio.run(label_pairs(folder, COMPARED))
        asyncio.run(score_run(folder, ScoreSettings(principles=str(rules))))
    before = [tree(part) for part in parts]

    # In any order.
    merged = merge(parts[::-1], tmp_path / "run")
    run = tmp_path / "run"
    assert [tree(part) for part in parts] == before
    for name in JOURNALS:
        assert sorted_lines(run / name) == sorted_lines(whole / name), name
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}
    for stage in (REVISE, COMPARE, SCORE):
        made, other = load_manifest(run, stage), load_manifest(whole, stage)
        assert made.affecting == other.affecting
        assert merged.counts[stage] == count(run, stage) == count(whole, stage)
        # But for the moment and the name, also what says how to go on.
        assert made.model_copy(update={"created": "", "settings": {}}) == other.model_copy(
            update={"created": "", "settings": {}}
        )
        assert made.settings | {"out": ""} == other.settings | {"out": ""}
    assert merged.counts[REVISE].equation == "10 rows = 7 done + 2 failed + 1 filtered + 0 pending"
    assert merged.notes == ()
    summaries = [json.loads((folder / "summary.json").read_text(encoding="utf-8")) for folder in (run, whole)]
    for summary in summaries:
        # Rows finish in another order.
        summary["principles"] = dict(sorted(summary["principles"].items()))
    assert summaries[0] | {"last_failure": ""} == summaries[1] | {"last_failure": ""}
    assert [row.id for row in transcripts(run)] == [row.id for row in transcripts(whole)]

    # And it is done: the whole run's command finds nothing to do.
    once = {name: (run / name).read_bytes() for name in JOURNALS}
    generated("run", **given)
    asyncio.run(label_pairs(run, COMPARED))
    asyncio.run(score_run(run, ScoreSettings(principles=str(rules))))
    assert {name: (run / name).read_bytes() for name in JOURNALS} == once


def test_rows_that_are_pending_in_a_shard_are_pending_and_the_command_that_is_told_finishes_them(
    generated: Generated, shards: Callable[..., list[Path]], cli: Cli, tmp_path: Path
) -> None:
    whole = generated("whole")
    parts = shards()
    # As a killed process leaves it: the last row is not there, nor its last call, and a line is torn.
    for name in ("transcripts.jsonl", "calls.jsonl"):
        lines = (parts[1] / name).read_bytes().splitlines(keepends=True)
        (parts[1] / name).write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    told = cli("merge", *parts, "--out", "run")
    assert told.returncode == 0
    assert "12 rows = 11 done + 0 failed + 0 filtered + 1 pending" in told.stdout
    # All that was called is there, and is not called again.
    kept = (tmp_path / "run" / "calls.jsonl").read_bytes().splitlines()
    assert len(kept) == 12 * 3 - 1
    command = re.search(r"^Go on with what is pending: constitution (.+)$", told.stderr, re.MULTILINE)
    assert command
    assert cli(*shlex.split(command[1])).returncode == 0
    assert (tmp_path / "run" / "calls.jsonl").read_bytes().splitlines()[:-1] == kept
    for name in JOURNALS[:4]:
        assert sorted_lines(tmp_path / "run" / name) == sorted_lines(whole / name)


def test_a_missing_shard_is_named_with_the_command_that_makes_it(
    generated: Generated, shards: Callable[..., list[Path]], cli: Cli, tmp_path: Path
) -> None:
    whole = generated("whole", temperature=0.3)
    parts = shards(temperature=0.3)
    shutil.rmtree(parts[1])
    told = cli("merge", parts[0], parts[2], "--out", "run")
    assert (told.returncode, told.stdout) == (2, "")
    assert "error: a shard is missing: 2/3" in told.stderr
    command = re.search(r"Make it: constitution (.+)$", told.stderr, re.MULTILINE)
    assert command
    assert cli(*shlex.split(command[1])).returncode == 0
    assert cli("merge", *parts, "--out", "run").returncode == 0
    for name in JOURNALS[:4]:
        assert sorted_lines(tmp_path / "run" / name) == sorted_lines(whole / name)


def test_missing_shards_may_be_left_pending(
    generated: Generated, shards: Callable[..., list[Path]], tmp_path: Path
) -> None:
    whole, parts = generated("whole"), shards()
    for part in parts:
        asyncio.run(label_pairs(part, COMPARED))
    merged = merge(parts[1:], tmp_path / "run", allow_missing=True)
    assert (merged.shards, [str(one) for one in merged.missing]) == (2, ["1/3"])
    assert merged.counts[REVISE].pending == 4
    generated("run")
    assert sorted_lines(tmp_path / "run" / "calls.jsonl") == sorted_lines(whole / "calls.jsonl")
    # The comparisons go on likewise.
    for folder in (whole, tmp_path / "run"):
        asyncio.run(label_pairs(folder, COMPARED))
    for name in ("comparisons.jsonl", "compare-calls.jsonl"):
        assert sorted_lines(tmp_path / "run" / name) == sorted_lines(whole / name)
    assert count(tmp_path / "run", COMPARE).equation == "12 rows = 12 done + 0 failed + 0 filtered + 0 pending"


def test_a_stage_that_some_shards_lack_is_pending_there(shards: Callable[..., list[Path]], tmp_path: Path) -> None:
    parts = shards()
    asyncio.run(label_pairs(parts[0], COMPARED))
    asyncio.run(label_pairs(parts[0], COMPARED.model_copy(update={"seed": 1}), replace=True))
    told: list[int] = []
    merged = merge(parts, tmp_path / "run", watch=told.append)
    assert told == [1, 2, 3]
    assert merged.notes == (
        f"no comparisons of {parts[1]}, {parts[2]}: their rows are pending there",
        f"{parts[0]}: replaced stays there",
    )
    assert asyncio.run(label_pairs(tmp_path / "run", COMPARED.model_copy(update={"seed": 1}))).done == 12


def test_rows_of_a_stage_that_some_shards_lack_are_counted_and_the_commands_that_are_told_finish_them(
    generated: Generated, shards: Callable[..., list[Path]], here: Callable[..., Any], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    compared = CompareSettings(principles_per_pair=1, limit=9)
    scored = ScoreSettings(principles=str(rules), on="samples")
    whole, parts = generated("whole"), shards()
    for folder in (whole, *parts[:2]):
        asyncio.run(label_pairs(folder, compared))
    for folder in (whole, parts[0]):
        asyncio.run(score_run(folder, scored))
    told = here("merge", *parts, "--out", tmp_path / "run")
    # Of nine rows, each shard has three.
    assert "comparisons: 9 rows = 6 done + 0 failed + 0 filtered + 3 pending" in told.out
    assert "scores: 9 rows = 3 done + 0 failed + 0 filtered + 6 pending" in told.out
    assert "Make training data" not in told.err
    commands = re.findall(r"^Go on with what is pending: constitution (.+)$", told.err, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["compare", "score"]
    for command in commands:
        assert here(*shlex.split(command), "--quiet").code == 0
    for stage in (COMPARE, SCORE):
        assert count(tmp_path / "run", stage) == count(whole, stage)
        for name in (stage.calls, stage.outcomes):
            assert sorted_lines(tmp_path / "run" / name) == sorted_lines(whole / name)


def test_caps_held_for_each_shard_alone_and_what_was_spent_is_added_up(
    generated: Generated, shards: Callable[..., list[Path]], here: Callable[..., Any], tmp_path: Path
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\nmodels:\n  scripted: {input: 1000, output: 5000}\n", encoding="utf-8")
    given = {"max_tokens": 32, "prices": str(prices)}
    whole = generated("whole", **given)
    merge(shards(2, **given), tmp_path / "all")
    written = [(run / "summary.json").read_bytes() for run in (tmp_path / "all", whole)]
    joined, spent = (Summary.model_validate_json(content).spent for content in written)
    assert joined and spent and joined.cost == pytest.approx(spent.cost)
    assert joined.model_copy(update={"cost": spent.cost}) == spent

    cap = spent.tokens.total // 4
    halves = [tmp_path / "halves" / number for number in "12"]
    for half in halves:
        with pytest.raises(CapReached):
            generated(f"halves/{half.name}", shard=f"{half.name}/2", max_tokens_total=cap, **given)
    told = here("merge", *halves, "--out", tmp_path / "run")
    assert "--max-tokens-total held for each shard alone; the joined run has no cap" in told.err
    command = re.search(r"^Go on with what is pending: constitution (.+)$", told.err, re.MULTILINE)
    # With the cap it would be refused: both shards together have spent more.
    assert command and here(*shlex.split(command[1]), "--quiet").code == 0
    assert sorted_lines(tmp_path / "run" / "transcripts.jsonl") == sorted_lines(whole / "transcripts.jsonl")


def test_reviews_stand_in_the_order_in_which_they_were_given(shards: Callable[..., list[Path]], tmp_path: Path) -> None:
    parts = shards()
    rows = [next(transcripts(part)) for part in parts]
    moments = [("09", 2, "accept"), ("10", 0, "reject"), ("11", 2, "edit"), ("12", 1, "accept")]
    for hour, place, verdict in moments:
        more = {"text": "Better."} if verdict == "edit" else {}
        at = f"2026-01-02T{hour}:00:00Z"
        on_revision(parts[place], rows[place], 1, "ada", verdict, at=at, **more)
    merge(parts, tmp_path / "run")
    assert [(one.row, one.verdict) for one in reviews(tmp_path / "run")] == [
        (rows[place].id, verdict) for _, place, verdict in moments
    ]


def test_comparisons_of_a_file_stay_in_the_shards_and_are_made_again_without_a_call(
    shards: Callable[..., list[Path]], cli: Cli, lines: Callable[[Path], list[Any]], tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    row = {"prompt": "Why?", "response_a": "So.", "response_b": "Because."}
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    parts = shards(2)
    asyncio.run(label_pairs(parts[0], CompareSettings(pairs="file", file=str(pairs), principles_per_pair=1)))
    told = cli("merge", *parts, "--out", "run")
    assert told.returncode == 0
    assert not (tmp_path / "run" / "compare.json").exists()
    command = re.search(r"made again without a call: constitution (.+)$", told.stderr, re.MULTILINE)
    assert command
    assert cli(*shlex.split(command[1].replace("RUN", "run", 1))).returncode == 0
    # With the times of the calls: they are the same ones, lent.
    lent = [call | {"lent": True} for call in lines(parts[0] / "compare-calls.jsonl")]
    assert lines(tmp_path / "run" / "compare-calls.jsonl") == lent


def test_the_result_as_json(shards: Callable[..., list[Path]], cli: Cli) -> None:
    parts = shards(2)
    told = cli("merge", parts[0], "--out", "run", "--allow-missing", "--format", "json", "--quiet")
    assert (told.returncode, told.stderr) == (0, "")
    found = json.loads(told.stdout)
    assert (found["shards"], found["missing"], found["notes"]) == (1, ["2/2"], [])
    assert found["counts"] == {"generate": {"input": 12, "done": 6, "failed": 0, "filtered": 0, "pending": 6}}
    assert found["next"][0].startswith("constitution generate --out run ")
