"""Who writes a run at a URL: one machine at a time, by a file with a sign of life."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil
from pydantic import ValidationError

from constitution.digests import digest
from constitution.errors import RunError
from constitution.records import Record
from constitution.remote.folder import HOLDER, RemoteFolder

# Seconds without a sign of life after which another machine may write.
LIVE_SECONDS = 300.0
# Seconds between two signs of life of a process that uploads.
SIGN_SECONDS = 30.0
# Seconds in which one must come, as the clocks of two machines differ: for that long the holder is watched.
WATCH_SECONDS, LOOK_SECONDS = 70.0, 5.0
# What tells machines apart that bear one name, and containers of one machine: each counts processes by itself.
_MACHINE = (Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id"))
_PROCESSES = "/proc/self/ns/pid"


class Holder(Record):
    """A process that writes, or wrote, a run at a URL.

    Attributes:
        writer: Its working copy's name for itself, which no other copy has.
        host: Its machine's name.
        machine: Which machine that is, as names are given twice; empty if it is not known.
        pid: Its number there.
        started: When that process began, in seconds since 1970: numbers are given again.
        since: When it began to write, UTC, ISO 8601.
        beat: How many signs of life it has given.
        seen: The last one, in seconds since 1970, by its own clock.
        state: Whether it goes on.
    """

    writer: str
    host: str
    machine: str = ""
    pid: int
    started: float
    since: str
    beat: int
    seen: float
    state: Literal["writing", "done"]


def this_process(writer: str) -> Holder:
    """This process as the holder."""
    return Holder(
        writer=writer,
        host=socket.gethostname(),
        machine=this_machine(),
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        beat=0,
        seen=time.time(),
        state="writing",
    )


def read_holder(folder: RemoteFolder) -> Holder | None:
    """Who wrote last; None if nobody did, or what stands there is none.

    Raises:
        Unreachable: It cannot be read.
    """
    content = folder.read(HOLDER)
    try:
        return Holder.model_validate_json(content) if content else None
    except ValidationError:
        return None


def write_holder(folder: RemoteFolder, holder: Holder) -> Holder:
    """Give a sign of life; returns the holder as it is now told.

    Raises:
        Unreachable: It cannot be written.
    """
    told = holder.model_copy(update={"beat": holder.beat + 1, "seen": time.time()})
    folder.write(HOLDER, told.model_dump_json(indent=2).encode() + b"\n")
    return told


def this_machine() -> str:
    """A digest of what no other machine or container has; empty where the system does not tell."""
    told = []
    for path in _MACHINE:
        with suppress(OSError):
            told.append(path.read_text(encoding="utf-8").strip())
    with suppress(OSError):
        told.append(os.readlink(_PROCESSES))
    return digest([socket.gethostname(), *told]) if told else ""


def check_free(
    folder: RemoteFolder, found: Holder | None, writer: str, tell: Callable[[str], None] = lambda line: None
) -> Holder | None:
    """Refuse to write where another process does.

    A process of this machine is looked up. One elsewhere counts as gone if it was silent for long by its own clock,
    and gives no sign of life while it is watched.

    Args:
        folder: At the URL.
        found: Who wrote last there.
        writer: The working copy of who asks; on its own machine a lock sees to it that one process writes it.
        tell: Told what is waited for.

    Returns:
        Who wrote last, as it was seen last.

    Raises:
        RunError: Says who it is, and since when.
        Unreachable: The URL cannot be read.
    """
    if found is None or found.state == "done" or (found.host == socket.gethostname() and found.writer == writer):
        return found
    machine = this_machine()
    if machine and found.machine == machine and not _is_alive(found):
        return found
    age, wait = time.time() - found.seen, "Wait until it is done, or stop it there."
    who = f"process {found.pid} on {found.host}, since {found.since}"
    # A clock that is as far ahead tells as little as one that is behind.
    if abs(age) >= LIVE_SECONDS:
        tell(f"{folder}: {who} seems to be gone: watching for {WATCH_SECONDS:.0f} seconds whether it is")
        now = _watched(folder, found)
        if now is None or now.state == "done" or now == found:
            return now
        who, age = f"process {now.pid} on {now.host}, since {now.since}", 0.0
    raise RunError(
        f"{folder}: another process is writing this run: {who}, last sign of life {max(0, age):.0f} seconds ago",
        f"{wait} If that machine is gone, try again in {LIVE_SECONDS - age:.0f} seconds.",
    )


def _watched(folder: RemoteFolder, found: Holder) -> Holder | None:
    """Who writes there after a while, or as soon as it is another holder or another sign of life."""
    end = time.monotonic() + WATCH_SECONDS
    now: Holder | None = found
    while now == found and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_SECONDS))
        now = read_holder(folder)
    return now


def _is_alive(found: Holder) -> bool:
    try:
        process = psutil.Process(found.pid)
        return bool(abs(process.create_time() - found.started) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
