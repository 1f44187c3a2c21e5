"""Machines, each with working copies of its own, and a place that all of them reach."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from constitution.remote.copies import copy_at

SCRIPT = Path(__file__).with_name("remote_run.py")


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass
class Machine:
    """A home of its own on this machine.

    Attributes:
        home: Where its working copies are.
        url: The run that is at a place which all machines reach.
    """

    home: Path
    url: str
    prompts: Path
    rules: Path
    run: Callable[..., Ran]

    def __call__(self, *args: object) -> Ran:
        """Run a command here."""
        return self.run(self.home, *args)

    def generate(self, *args: object) -> Ran:
        """Make the run, or go on with it."""
        given = ["--prompts", self.prompts, "--out", self.url, "--engine", "scripted", "--model", self.rules]
        return self("generate", *given, "--rounds", 1, "--quiet", *args)

    @property
    def copy(self) -> Path:
        """The working copy's folder."""
        return self.home / "constitution" / "runs" / copy_at(self.url).folder.name

    def files(self) -> dict[str, bytes]:
        """The working copy's files with something in them."""
        # What is being written aside may be gone the next moment.
        paths = [path for path in self.copy.rglob("*.json*") if path.suffix != ".tmp" and path.stat().st_size]
        return {path.relative_to(self.copy).as_posix(): path.read_bytes() for path in paths}

    def begin(self, pause: float, form: str = "jsonl") -> subprocess.Popen[str]:
        """The same run in a process of its own."""
        command = [sys.executable, str(SCRIPT), self.url, str(self.prompts), str(self.rules), str(pause), form]
        environment = os.environ | {"XDG_DATA_HOME": str(self.home)}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def kill(process: "subprocess.Popen[str]") -> None:
    """End a process as a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
