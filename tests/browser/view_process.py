"""`constitution view` as people start it: a process of its own, to be stopped and killed."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import PROGRAM

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+")


@dataclass(frozen=True)
class ViewProcess:
    """A running view.

    Attributes:
        process: Its process.
        address: What it told: where its first page is.
    """

    process: "subprocess.Popen[str]"
    address: str

    def at(self, path: str) -> str:
        """The address of a page, from what comes after the token."""
        return self.address.rstrip("/") + "/" + path.lstrip("/")

    def stop(self, hard: bool = False) -> None:
        """End it, at once if `hard`."""
        (self.process.kill if hard else self.process.terminate)()
        self.process.wait(timeout=10)


@contextmanager
def viewing(run: Path, *options: object) -> Iterator[ViewProcess]:
    """Start a view of a run, and wait until it tells its address; ended with the block."""
    command = [str(PROGRAM), "view", str(run), *map(str, options)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        told = []
        try:
            for line in process.stdout:
                told.append(line)
                if found := ADDRESS.search(line):
                    # What it tells later is read, so that it never waits for a reader.
                    threading.Thread(target=process.stdout.read, daemon=True).start()
                    yield ViewProcess(process, found[0])
                    return
            raise AssertionError("the view ended: " + "".join(told))
        finally:
            process.kill()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
