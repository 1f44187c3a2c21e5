"""One writer for each run's folder, on every system; who is refused is told who writes."""

import contextlib
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from constitution.durable import write_whole
from constitution.errors import RunError

LOCK, HOLDER = ".lock", ".holder"
# How long a process that has just taken the lock may need to write its name.
NAMING_SECONDS = 1.0


class WriterLock:
    """The right to write a folder; the system takes it back when the process ends, however it ends.

    Args:
        folder: Exists.

    Raises:
        RunError: Another process has it; names the process and its machine.
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Once more after a moment: the file may just have lost its name, with the folder that `release` takes away.
        self._lock = FileLock(folder / LOCK, timeout=0.1)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunError(
                f"{folder}: another process is writing this run{_holder(folder)}", "Wait until it is done, or stop it."
            ) from None
        since = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            write_whole(
                folder / HOLDER, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}) + "\n"
            )
        except OSError:
            self._lock.release()
            raise

    def release(self, remove: bool = False) -> None:
        """Let others write.

        Args:
            remove: Take the folder away too, if there is nothing else in it.
        """
        with contextlib.suppress(OSError):
            (self._folder / HOLDER).unlink(missing_ok=True)
            if remove:
                # While it is held: whoever has opened it meanwhile finds that it has no name, and opens a new one.
                (self._folder / LOCK).unlink(missing_ok=True)
                self._folder.rmdir()
        self._lock.release()


def _holder(folder: Path) -> str:
    """Who has the lock, as far as it is told; a process of this machine that is gone is not it."""
    end = time.monotonic() + NAMING_SECONDS
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
            elsewhere = said["host"] != socket.gethostname()
            if elsewhere or psutil.pid_exists(int(said["pid"])):
                return f": process {int(said['pid'])} on {said['host']}, since {said['since']}"
        if time.monotonic() > end:
            return ""
        time.sleep(0.02)
