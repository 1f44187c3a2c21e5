"""Who writes a run at a URL: one machine at a time, by a file with a sign of life."""

import os
import socket
import time
from datetime import UTC, datetime
from typing import Literal

import psutil
from pydantic import ValidationError

from constitution.errors import RunError
from constitution.records import Record
from constitution.remote.folder import HOLDER, RemoteFolder

# Seconds without a sign of life after which another machine may write.
LIVE_SECONDS = 300.0


class Holder(Record):
    """A process that writes, or wrote, a run at a URL.

    Attributes:
        writer: Its working copy's name for itself, which no other copy has.
        host: Its machine.
        pid: Its number there.
        started: When that process began, in seconds since 1970: numbers are given again.
        since: When it began to write, UTC, ISO 8601.
        beat: How many signs of life it has given.
        seen: The last one, in seconds since 1970, by its own clock.
        state: Whether it goes on.
    """

    writer: str
    host: str
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


def check_free(folder: RemoteFolder, found: Holder | None, writer: str) -> None:
    """Refuse to write where another process does.

    Args:
        folder: At the URL.
        found: Who wrote last there.
        writer: The working copy of who asks; on its own machine a lock sees to it that one process writes it.

    Raises:
        RunError: Says who it is, and since when.
    """
    if found is None or found.state == "done":
        return
    age = time.time() - found.seen
    here = found.host == socket.gethostname()
    if age >= LIVE_SECONDS or (here and (found.writer == writer or not _is_alive(found))):
        return
    who = f"process {found.pid} on {found.host}, since {found.since}, last sign of life {max(0, age):.0f} seconds ago"
    left = LIVE_SECONDS - age
    raise RunError(
        f"{folder}: another process is writing this run: {who}",
        f"Wait until it is done, or stop it there. If that machine is gone, try again in {left:.0f} seconds.",
    )


def _is_alive(found: Holder) -> bool:
    try:
        process = psutil.Process(found.pid)
        return bool(abs(process.create_time() - found.started) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
