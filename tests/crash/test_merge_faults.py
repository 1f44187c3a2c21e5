"""A merge that is killed, or whose disk is full: shards as they were, no half run, and the same command joins them."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from conftest import PROGRAM
from journals import sorted_lines
from scale import LONG

from constitution.errors import RunError
from constitution.merging import merge
from constitution.store import count

Generated = Callable[..., Path]
# Of the operations of a small merge; the long form tries every one.
STRIDE, KILLS = (1, 60) if LONG else (7, 4)
NAMES = ("calls.jsonl", "transcripts.jsonl", "failures.jsonl", "filtered.jsonl")


def tree(folder: Path) -> dict[str, bytes]:
    # Of a process that was killed while it looked whether a shard is being written.
    passing = (".holder", ".lock", "..holder.tmp")
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in passing)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def shards(generated: Generated) -> list[Path]:
    return [generated(f"shards/{n}", shard=f"{n}/3") for n in (1, 2, 3)]


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_merge_whose_nth_write_fails_says_so_and_leaves_nothing(
    tmp_path: Path, shards: list[Path], number: int, lasting: bool
) -> None:
    aside, before = tmp_path / ".run.tmp", tree(tmp_path)
    with faults.failing(aside, number, at=0) as counted:
        merge(shards, tmp_path / "run")
    assert count(tmp_path / "run").done == 12
    assert counted.count > 10
    for at in range(1, counted.count + 1, STRIDE):
        out = tmp_path / f"run-{at}"
        with (
            faults.failing(tmp_path / f".run-{at}.tmp", number, at, lasting),
            pytest.raises(RunError, match=f"cannot be .*: {os.strerror(number)}"),
        ):
            merge(shards, out)
        assert not out.exists()
        assert not (tmp_path / f".run-{at}.tmp").exists()
    assert {name: text for name, text in tree(tmp_path).items() if not name.startswith("run/")} == before


def test_a_merge_that_is_killed_leaves_the_shards_and_no_run(
    generated: Generated, tmp_path: Path, shards: list[Path]
) -> None:
    whole, before = generated("whole"), tree(tmp_path / "shards")
    faults.plant(tmp_path)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "FAULTS_BELOW": str(tmp_path),
    }
    command = [sys.executable, str(PROGRAM), "merge", *map(str, shards), "--out", str(tmp_path / "run")]
    with faults.failing(tmp_path, errno.EIO, at=0) as counted:
        merge(shards, tmp_path / "counted")
    killed = 0
    for at in range(1, counted.count + 1, max(1, counted.count // KILLS)):
        ended = subprocess.run(command, env=environment | {"FAULTS": f"kill:{at}"}, capture_output=True, timeout=60)
        killed += ended.returncode == -9
        assert tree(tmp_path / "shards") == before
        # The last operations are after the renaming, which is all or nothing.
        if (tmp_path / "run").exists():
            assert count(tmp_path / "run").done == 12
            (tmp_path / "run").rename(tmp_path / f"run-{at}")
    assert killed >= KILLS
    ended = subprocess.run(command, capture_output=True, timeout=60, check=True)
    for name in NAMES:
        assert sorted_lines(tmp_path / "run" / name) == sorted_lines(whole / name)
    assert not (tmp_path / ".run.tmp").exists()
