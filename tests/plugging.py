"""Distributions that plug an engine in, laid out as an installer leaves them, and real processes to stop."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PROGRAM

# A third party's engine: the scripted one under another name, by the rules file that --model names.
SCRIPTED_AGAIN = '''"""The scripted engine, from elsewhere."""

from constitution.engines.scripted import check_model, open_engine
'''


def plug(site: Path, name: str, code: str, value: str = "", distribution: str = "") -> None:
    """Lay out the distribution `NAME-engine` 1.0 with a module of this code, which its entry point names."""
    distribution = distribution or f"{name}-engine"
    module = distribution.replace("-", "_")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{module}.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8")
    entry = f"[constitution.engines]\n{name} = {value or module}\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")


def put_on_path(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this process, and for those that it starts."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)


def start(*args: object) -> "subprocess.Popen[str]":
    """Run the program, with Ctrl-C as it is on a terminal."""
    command = [str(PROGRAM), *map(str, args)]

    def as_on_a_terminal() -> None:
        # Shells start what runs in the background with Ctrl-C ignored, and the tests may be such.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", preexec_fn=as_on_a_terminal
    )


def wait_for_calls(process: "subprocess.Popen[str]", run: Path, number: int) -> None:
    """Until so many calls are journalled."""
    deadline = time.monotonic() + 60
    while journalled(run) < number:
        assert process.poll() is None, f"ended before {number} calls were made"
        assert time.monotonic() < deadline, f"{number} calls not made in time"
        time.sleep(0.005)


def journalled(run: Path) -> int:
    """Calls in the journal of the SL stage."""
    path = run / "calls.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def told(process: "subprocess.Popen[str]", words: str) -> str:
    """Read stderr up to the line that has these words; that line."""
    assert process.stderr
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"ended without a word on {words!r}")
