"""`constitution merge`: what may differ between shards that are joined, and what is refused."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constitution.config import CompareSettings
from constitution.errors import ConfigError, ConstitutionError, FolderTaken, RunError, SettingsDiffer
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, REVISE, Stage, load_manifest, write_manifest
from constitution.merging import Merged, merge
from constitution.store import count
from constitution.writer_lock import WriterLock

Generated = Callable[..., Path]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
COMPARED = CompareSettings(pairs="revisions", principles_per_pair=1)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed(folder: Path, stage: Stage = REVISE, **fields: Any) -> None:
    """A manifest as another program, or another place, would have written it."""
    write_manifest(folder, stage, load_manifest(folder, stage).model_copy(update=fields))


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


def test_the_folder_that_a_command_runs_in_is_not_replaced(
    shards: Callable[..., list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = shards(2)
    (tmp_path / "empty").mkdir()
    for folder, words in ((tmp_path, "there already"), (tmp_path / "empty", "this command runs in that folder")):
        monkeypatch.chdir(folder)
        with pytest.raises(FolderTaken, match=words) as caught:
            merge(parts, Path())
        assert f"--out {folder}-2" in caught.value.hint


def test_a_shard_without_a_number_in_its_name_is_not_taken_for_the_missing_one(
    generated: Generated, refused: Callable[..., ConstitutionError], tmp_path: Path
) -> None:
    hint = refused([generated("left", shard="1/2")], ConfigError).hint
    assert "Is it" not in hint
    assert f"Make it: constitution generate --out {tmp_path / 'shard-2-of-2'} " in hint
    # A pattern such as shards/[1] leaves one out.
    numbered = [generated(f"shards/{number}", shard=f"{number}/2") for number in (1, 2)]
    assert f"Is it {numbered[1]}? Then name it, too." in refused(numbered[:1], ConfigError).hint
