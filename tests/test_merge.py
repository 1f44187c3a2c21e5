"""`constitution merge`: shards joined are the run that was never cut, and what does not belong together is refused."""

import asyncio
import json
import os
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
from constitution.errors import ConfigError, ConstitutionError, FolderTaken, RunError, SettingsDiffer
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, REVISE, SCORE, Stage, load_manifest, write_manifest
from constitution.merging import Merged, merge
from constitution.reviews import reviews
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.store import count, transcripts
from constitution.writer_lock import WriterLock

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


def changed(folder: Path, stage: Stage = REVISE, **fields: Any) -> None:
    """A manifest as another program, or another place, would have written it."""
    write_manifest(folder, stage, load_manifest(folder, stage).model_copy(update=fields))


@pytest.fixture
def shards(generated: Generated, prompts: Path, tmp_path: Path) -> Callable[..., list[Path]]:
    """Make shards 1 to `of` of twelve rows in `shards/1` to `shards/of`."""

    def make(of: int = 3, **settings: Any) -> list[Path]:
        return [generated(f"shards/{n}", shard=f"{n}/{of}", **settings) for n in range(1, of + 1)]

    return make


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., ConstitutionError]:
    """What is said to a merge that is refused, which leaves all as it was."""

    def attempt(folders: list[Path], kind: type[ConstitutionError], out: str = "run", **more: Any) -> ConstitutionError:
        before = {folder: tree(folder) for folder in folders}
        names = sorted(tmp_path.iterdir())
        with pytest.raises(ConstitutionError) as refusal:
            merge(folders, tmp_path / out, **more)
        assert type(refusal.value) is kind
        assert {folder: tree(folder) for folder in folders} == before
        assert sorted(tmp_path.iterdir()) == names
        return refusal.value

    return attempt


# --- the run that was never cut


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
    shards: Callable[..., list[Path]], cli: Cli, tmp_path: Path
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
    # With the times of the calls: they are the same ones.
    assert (tmp_path / "run" / "compare-calls.jsonl").read_bytes() == (parts[0] / "compare-calls.jsonl").read_bytes()


# --- what may differ, and what may not


def test_versions_and_addresses_may_differ_and_are_told(shards: Callable[..., list[Path]], tmp_path: Path) -> None:
    parts = shards()
    for number, part in enumerate(parts):
        made = load_manifest(part)
        identity = dict(made.affecting["model (identity)"]) | {"endpoint": f"http://host-{number // 2}/v1"}  # type: ignore[arg-type]
        settings = made.settings | {"concurrency": number + 1, "base_url": identity["endpoint"]}
        affecting = made.affecting | {"model (identity)": identity}
        changed(part, version=f"0.{number // 2}.0", affecting=affecting, settings=settings)
    merged = merge(parts, tmp_path / "run")
    assert merged.notes == (
        "shards were made by different versions of the program: 0.0.0, 0.1.0",
        "a run: models were asked at 2 addresses; the joined run names http://host-0/v1",
    )
    assert load_manifest(tmp_path / "run").settings["base_url"] == "http://host-0/v1"


def test_shards_of_different_configurations_are_refused_with_each_difference(
    generated: Generated, shards: Callable[..., list[Path]], refused: Callable[..., ConstitutionError], mine: Path
) -> None:
    parts = shards(4)
    shutil.rmtree(parts[0])
    # The first one given is the odd one: the others are not told of.
    generated("shards/1", shard="1/4", temperature=0.1, rounds=2)
    error = refused(parts, SettingsDiffer)
    lines = error.message.splitlines()
    assert lines[0] == "shards of different configurations are not joined:"
    assert lines[1] == f"{parts[0]} was made by other settings than {parts[1]}:"
    assert lines[2:] == ["  rounds: 1 → 2", "  temperature: 0.7 → 0.1"]
    assert "--fork NEW" in error.hint

    shutil.rmtree(parts[0])
    generated("shards/1", shard="1/4", principles=str(mine))
    error = refused(parts, SettingsDiffer)
    assert "  principles (content): " in error.message
    assert "is not there any more" in error.message


def test_other_prompts_and_other_models_are_refused(
    generated: Generated,
    shards: Callable[..., list[Path]],
    refused: Callable[..., ConstitutionError],
    prompts: Path,
    tmp_path: Path,
) -> None:
    parts = shards(2)
    (tmp_path / "model.yaml").write_text("- {when: '', reply: Other.}\n", encoding="utf-8")
    shutil.rmtree(parts[1])
    generated("shards/2", shard="2/2", model=str(tmp_path / "model.yaml"))
    assert "  model (identity): revision: " in refused(parts, SettingsDiffer).message
    shutil.rmtree(parts[1])
    # A row of the other shard.
    prompts.write_text(prompts.read_text(encoding="utf-8").replace("number 2?", "number two?"), encoding="utf-8")
    generated("shards/2", shard="2/2")
    assert "  prompts (content): " in refused(parts, SettingsDiffer).message


def test_comparisons_by_other_settings_are_refused_and_a_model_without_its_turn_is_no_difference(
    shards: Callable[..., list[Path]], refused: Callable[..., ConstitutionError], tmp_path: Path
) -> None:
    parts = shards()
    for part in parts:
        asyncio.run(label_pairs(part, COMPARED))
    made = load_manifest(parts[0], COMPARE)
    unknown = {name: value for name, value in made.affecting.items() if name != "model (identity)"}
    changed(parts[0], COMPARE, affecting=unknown)
    # Nobody has seen it there; of the two that have, one saw another.
    other = made.affecting | {"model (identity)": {"engine": "scripted", "model": "another"}}
    changed(parts[1], COMPARE, affecting=other)
    error = refused(parts, SettingsDiffer)
    assert error.message.startswith("shards of different configurations (comparisons) are not joined:")
    assert '"another"' in error.message
    assert "constitution compare SHARD … --replace" in error.hint
    changed(parts[1], COMPARE, affecting=made.affecting)
    merge(parts, tmp_path / "run")
    assert load_manifest(tmp_path / "run", COMPARE).affecting == made.affecting


@pytest.mark.parametrize("others", ["2/4", "2/3"])
def test_shards_of_runs_that_were_cut_otherwise_and_doubles_are_refused(
    generated: Generated, refused: Callable[..., ConstitutionError], others: str
) -> None:
    first, second, other = (
        generated(f"shards/{name}", shard=shard) for name, shard in (("1", "1/3"), ("2", "2/3"), ("other", others))
    )
    error = refused([first, second, other], ConfigError)
    assert str(other) in error.message
    assert ("shards of different runs" if others == "2/4" else "shard 2/3 is given twice") in error.message


def test_what_is_no_shard_is_refused(
    generated: Generated, shards: Callable[..., list[Path]], refused: Callable[..., ConstitutionError], tmp_path: Path
) -> None:
    parts = shards(2)
    (tmp_path / "notes").mkdir()
    assert "not a run (no manifest.json)" in refused([*parts, tmp_path / "notes"], RunError).message
    assert "no such folder" in refused([*parts, tmp_path / "nowhere"], RunError).message
    assert "a whole run, not a shard" in refused([*parts, generated("whole")], RunError).message
    with pytest.raises(ConfigError, match="no shards to join"):
        merge([], tmp_path / "run")
    pairs = tmp_path / "pairs.jsonl"
    row = {"prompt": "Why?", "response_a": "So.", "response_b": "Because."}
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    judged = CompareSettings(pairs="file", file=str(pairs), principles_per_pair=1, engine="scripted", judge="scripted")
    asyncio.run(label_pairs(tmp_path / "pairs", judged))
    assert "holds comparisons of a file's pairs only" in refused([*parts, tmp_path / "pairs"], RunError).message


def test_a_shard_that_is_being_written_is_refused(shards: Callable[..., list[Path]], tmp_path: Path) -> None:
    parts = shards()
    lock = WriterLock(parts[2])
    try:
        with pytest.raises(RunError, match=f"another process is writing this run: process {os.getpid()} on"):
            merge(parts, tmp_path / "run")
    finally:
        lock.release()
    assert not (tmp_path / "run").exists()
    assert isinstance(merge(parts, tmp_path / "run"), Merged)


def test_two_merges_into_one_run_do_not_meet(shards: Callable[..., list[Path]], tmp_path: Path) -> None:
    parts = shards()
    (tmp_path / ".run.tmp").mkdir()
    lock = WriterLock(tmp_path / ".run.tmp")
    try:
        with pytest.raises(RunError, match="another process is writing"):
            merge(parts, tmp_path / "run")
    finally:
        lock.release()
    # What is left there by one that was killed is in nobody's way.
    (tmp_path / ".run.tmp" / "calls.jsonl").write_bytes(b"half a li")
    merge(parts, tmp_path / "run")
    assert not (tmp_path / ".run.tmp").exists()
    assert count(tmp_path / "run").done == 12


def test_a_damaged_line_and_a_line_of_another_shard_are_refused(
    shards: Callable[..., list[Path]], refused: Callable[..., ConstitutionError]
) -> None:
    parts = shards()
    calls, kept = parts[1] / "calls.jsonl", (parts[1] / "calls.jsonl").read_bytes()
    calls.write_bytes(kept.replace(b"stop", b"slop", 1))
    error = refused(parts, RunError)
    assert f"{calls}:1: damaged: the line at byte 0 has another checksum" in error.message
    calls.write_bytes(kept + (parts[2] / "calls.jsonl").read_bytes().splitlines(keepends=True)[0])
    error = refused(parts, RunError)
    assert f"{calls}: the line at byte {len(kept)} is of row " in error.message
    assert "not in shard 2/3" in error.message


def test_a_run_is_joined_only_where_nothing_is(
    shards: Callable[..., list[Path]], refused: Callable[..., ConstitutionError], tmp_path: Path
) -> None:
    parts = shards(2)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "taken")
    assert "there already" in refused(parts, FolderTaken, "taken").message
    assert "there already" in refused(parts, FolderTaken, "file").message
    assert "a link to" in refused(parts, RunError, "link").message
    assert "lies in" in refused(parts, ConfigError, "shards/1/run").message
    assert "a run cannot be called" in refused(parts, RunError, "a run").message
    (tmp_path / "empty").mkdir()
    merge(parts, tmp_path / "empty")
    assert count(tmp_path / "empty").done == 12


def test_the_result_as_json(shards: Callable[..., list[Path]], cli: Cli) -> None:
    parts = shards(2)
    told = cli("merge", parts[0], "--out", "run", "--allow-missing", "--format", "json", "--quiet")
    assert (told.returncode, told.stderr) == (0, "")
    found = json.loads(told.stdout)
    assert (found["shards"], found["missing"], found["notes"]) == (1, ["2/2"], [])
    assert found["counts"] == {"generate": {"input": 12, "done": 6, "failed": 0, "filtered": 0, "pending": 6}}
    assert found["next"][0].startswith("constitution generate --out run ")
