"""What is used is on the disk; what is torn or damaged is known for it."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import faults
import pytest

from constitution.durable import write_whole
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import RunError
from constitution.journal import Journal, read_records
from constitution.records import Call, Completion, Message, Sampling
from constitution.store import count

Generated = Callable[..., Path]
# No line waits longer for its flush to begin.
GROUP_SECONDS = 0.5


class Disk:
    """What has been flushed, as a power cut would leave it: of each file, how many bytes.

    Args:
        flush_seconds: How long a flush takes at least.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, flush_seconds: float) -> None:
        self.flushed: dict[str, int] = {}
        self.written: dict[str, list[tuple[int, float]]] = {}
        self.waits: list[float] = []
        self._seconds = flush_seconds
        monkeypatch.setattr(os, "write", self._write)
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _write(self, file: int, data: bytes) -> int:
        done = faults.write(file, data)
        self.written.setdefault(name_of(file), []).append((os.fstat(file).st_size, time.monotonic()))
        return done

    def _fsync(self, file: int) -> None:
        # What is written while the flush is under way is not part of it.
        size, name, began = os.fstat(file).st_size, name_of(file), time.monotonic()
        time.sleep(self._seconds)
        faults.fsync(file)
        before = self.flushed.get(name, 0)
        self.waits += [began - at for end, at in self.written.get(name, []) if before < end <= size]
        self.flushed[name] = max(before, size)


def name_of(file: int) -> str:
    return os.readlink(f"/proc/self/fd/{file}")


@pytest.mark.parametrize("flush_seconds", [0.0, 0.2])
def test_an_answer_is_used_only_once_its_line_is_flushed(
    tmp_path: Path, generated: Generated, monkeypatch: pytest.MonkeyPatch, flush_seconds: float
) -> None:
    disk = Disk(monkeypatch, flush_seconds)
    journal = tmp_path / "run" / "calls.jsonl"
    original = ScriptedEngine.generate
    used: list[int] = []

    async def generate(self: ScriptedEngine, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        # What stands in a question was an answer before: the power is cut now, and it must be found.
        whole = journal.read_bytes()[: disk.flushed.get(str(journal), 0)].decode() if journal.exists() else ""
        answers = [message.content for message in messages if message.role == "assistant"]
        used.append(len(answers))
        assert all(answer[:30] in whole for answer in answers)
        return await original(self, messages, sampling, seed)

    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    run = generated(rounds=2, concurrency=5)
    assert count(run).done == 12
    assert used.count(0) == 12 and used.count(1) == 24 and used.count(2) == 24
    ours = [str(run / name) for name in ("calls.jsonl", "transcripts.jsonl")]
    assert [disk.flushed[name] for name in ours] == [os.path.getsize(name) for name in ours]
    assert max(disk.waits) < GROUP_SECONDS
    print(
        f"60 calls, flushes of {flush_seconds:g} s and more: a line waits {max(disk.waits):.3f} s at most for its flush"
    )


def test_a_file_is_written_aside_flushed_and_then_renamed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_whole(path, "old")
    with faults.failing(tmp_path, 5, at=0) as counted:
        write_whole(path, "new")
    # Data, its flush, the rename, the folder's flush.
    assert counted.count == 4
    for at in (1, 2, 3):
        with faults.failing(tmp_path, 5, at), pytest.raises(OSError):
            write_whole(path, "newer")
        assert path.read_text() == "new"
        assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


def test_what_is_written_aside_is_no_neighbour_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "mine.tmp").write_text("theirs")
    write_whole(tmp_path / "mine.yaml", "new")
    assert (tmp_path / "mine.tmp").read_text() == "theirs"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.tmp", "mine.yaml"]


def test_a_journal_cut_at_any_byte_of_its_last_records_loses_the_torn_one_only(tmp_path: Path) -> None:
    path, calls = tmp_path / "calls.jsonl", [call(n, "Grüße, 世界 🌍 “naïve”\n\t\\") for n in range(6)]
    ends = write(path, calls)
    whole = path.read_bytes()
    cuts = range(ends[2], len(whole))
    assert len(cuts) > 600
    for cut in cuts:
        path.write_bytes(whole[:cut])
        kept = calls[: sum(end <= cut for end in ends)]
        assert list(read_records(path, Call)) == kept
        journal = Journal(path)
        journal.append(call(9, "after"))
        journal.close()
        assert list(read_records(path, Call)) == [*kept, call(9, "after")]
    print(f"cut at {len(cuts)} bytes: at most the torn record lost, the next one readable")


def test_every_damaged_byte_in_the_middle_is_refused_with_its_place(tmp_path: Path) -> None:
    path, calls = tmp_path / "calls.jsonl", [call(n, "Grüße 🌍") for n in range(5)]
    ends = write(path, calls)
    whole = path.read_bytes()
    damaged = range(ends[0], ends[3])
    for at in damaged:
        for byte in {whole[at] ^ 1, whole[at] ^ 0x80, 0, ord("\n")} - {whole[at]}:
            path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
            with pytest.raises(RunError) as refused:
                list(read_records(path, Call))
            line = sum(end <= at for end in ends)
            assert refused.value.message.startswith(f"{path}:{line + 1}: damaged: the line at byte {ends[line - 1]} ")
            assert f"truncate -s {ends[line - 1]} " in refused.value.hint
    print(f"{len(damaged)} bytes damaged one at a time, in four ways: every time refused, with file, line and byte")


def test_a_line_that_was_lost_whole_is_made_again(tmp_path: Path, generated: Generated) -> None:
    run = generated()
    path = run / "transcripts.jsonl"
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:7]))
    calls = (run / "calls.jsonl").read_bytes()
    generated()
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert (run / "calls.jsonl").read_bytes() == calls


def call(number: int, text: str) -> Call:
    completion = Completion(text=text, finish_reason="stop", prompt_tokens=3, completion_tokens=4)
    return Call(row=f"r{number}", index=number, step="respond", digest="d", completion=completion)


def write(path: Path, calls: Sequence[Call]) -> list[int]:
    """Write a journal; the byte after each line."""
    journal, ends = Journal(path), []
    for one in calls:
        journal.append(one)
        ends.append(path.stat().st_size)
    journal.close()
    return ends
