"""A full disk, a failing one: what was there stays, the error says what to do, and the same command goes on."""

import asyncio
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import pytest
from journals import sorted_lines
from scale import LONG

from constitution import CompareSettings, Settings, export, generate, label_pairs
from constitution.errors import ConstitutionError, ExportError, RunError
from constitution.journal import Journal
from constitution.records import Failure
from constitution.store import count

Generated = Callable[..., Path]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
JOURNALS = ("calls.jsonl", "transcripts.jsonl", "compare-calls.jsonl", "comparisons.jsonl")
# Of the operations of the small runs here; the long form tries every one.
STRIDE = 1 if LONG else 11


def run_both(prompts: Path, folder: Path) -> None:
    """Both stages of a run of a few rows."""
    compared = CompareSettings(pairs="revisions", principles_per_pair=1)
    settings = Settings(prompts=str(prompts), out=str(folder), engine="scripted", rounds=1, limit=3, compare=compared)
    asyncio.run(generate(settings))


def content(folder: Path) -> dict[str, list[bytes]]:
    return {name: sorted_lines(folder / name) for name in JOURNALS}


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_run_whose_nth_write_fails_says_so_and_is_finished_by_the_next_start(
    tmp_path: Path, prompts: Path, number: int, lasting: bool
) -> None:
    run_both(prompts, tmp_path / "whole")
    whole = content(tmp_path / "whole")
    with faults.failing(tmp_path / "counted", number, at=0) as counted:
        run_both(prompts, tmp_path / "counted")
    tried = range(1, counted.count + 1, STRIDE)
    refused = 0
    for at in tried:
        folder = tmp_path / "run"
        with faults.failing(folder, number, at, lasting):
            try:
                run_both(prompts, folder)
            except ConstitutionError as bad:
                refused += 1
                assert bad.exit_code == 4
                assert f"cannot be written: {os.strerror(number)}" in bad.message
                assert str(folder) in bad.message and bad.hint
        before = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
        run_both(prompts, folder)
        assert content(folder) == whole, f"operation {at}"
        # No line that stood was touched.
        for name, lines in before.items():
            assert (folder / name).read_bytes().startswith(lines[: lines.rfind(b"\n") + 1])
        shutil.rmtree(folder)
    assert refused == len(tried)
    until = " and from then on" if lasting else ""
    print(f"{os.strerror(number)} at {len(tried)} of {counted.count} operations{until}: ", end="")
    print(f"{refused} clear errors, all resumed")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_export_whose_nth_write_fails_leaves_the_old_one_whole(
    tmp_path: Path, generated: Generated, number: int
) -> None:
    run, data = generated(), tmp_path / "data"
    export(run, data)
    old = tree(data)
    with faults.failing(tmp_path, number, at=0) as counted:
        export(run, data, overwrite=True, test_fraction=0.5)
    new = tree(data)
    assert new != old
    tried = [*range(1, counted.count, STRIDE), counted.count]
    for at in tried:
        export(run, data, overwrite=True)
        with faults.failing(tmp_path, number, at), pytest.raises(ExportError, match="cannot be written"):
            export(run, data, overwrite=True, test_fraction=0.5)
        # The last operation of all is a flush, after the new one has taken its place.
        assert tree(data) == (new if at == counted.count else old)
        assert not list(tmp_path.glob(".data*"))
    print(f"{os.strerror(number)} at {len(tried)} of {counted.count} operations of an export: ", end="")
    print("the old or the new one is whole")


def test_comparisons_whose_replacement_fails_at_its_nth_write_are_replaced_by_the_next_start(
    tmp_path: Path, prompts: Path
) -> None:
    run_both(prompts, tmp_path / "before")

    def replace(run: Path) -> None:
        anew = CompareSettings(pairs="revisions", principles_per_pair=2)
        asyncio.run(label_pairs(run, anew, replace=True))

    shutil.copytree(tmp_path / "before", tmp_path / "run")
    with faults.failing(tmp_path / "run", errno.EIO, at=0) as counted:
        replace(tmp_path / "run")
    whole = content(tmp_path / "run")
    for at in range(1, counted.count + 1):
        shutil.rmtree(tmp_path / "run")
        shutil.copytree(tmp_path / "before", tmp_path / "run")
        with (
            faults.failing(tmp_path / "run", errno.EIO, at),
            pytest.raises(ConstitutionError, match="Input/output error"),
        ):
            replace(tmp_path / "run")
        replace(tmp_path / "run")
        assert content(tmp_path / "run") == whole, f"operation {at}"
    print(f"comparisons replaced, {os.strerror(errno.EIO)} at each of {counted.count} operations: all resumed")


def test_what_could_not_be_flushed_is_never_called_flushed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "failures.jsonl")
    journal.append(Failure(id="a", index=0, step="respond", kind="CallError", message="x"))
    with faults.failing(tmp_path, errno.EIO, at=1), pytest.raises(RunError, match="Input/output error"):
        journal.sync()
    # The system would say now that all is well.
    for _ in range(2):
        with pytest.raises(RunError, match="Input/output error"):
            journal.sync()
    with pytest.raises(RunError, match="Input/output error"):
        journal.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a file system is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_stops_the_run_which_goes_on_with_more_room(
    tmp_path: Path, small_disk: Path, prompts: Path, program: Cli, generated: Generated
) -> None:
    args = ("generate", "--prompts", prompts, "--engine", "scripted", "--rounds", 6, "--out", small_disk / "run")
    full = program(*args)
    assert full.returncode == 4
    assert "cannot be written: No space left on device" in full.stderr
    assert "Nothing finished is lost: make room, then run the same command again." in full.stderr
    assert "Traceback" not in full.stderr
    assert 0 <= count(small_disk / "run").done < 12
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    done = program(*args)
    assert done.returncode == 0, done.stderr
    whole = generated("whole", rounds=6)
    for name in ("calls.jsonl", "transcripts.jsonl"):
        assert sorted_lines(small_disk / "run" / name) == sorted_lines(whole / name)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
