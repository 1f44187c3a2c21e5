"""One writer for each run: of two starts one wins, and the other says at once who has it."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugging import start
from scale import LONG

from constitution.errors import RunError
from constitution.run import Run
from constitution.store import count

Generated = Callable[..., Path]
DOUBLE_STARTS = 50 if LONG else 2
SECONDS = 2.0


def test_of_two_starts_at_once_one_writes_and_the_other_names_it(tmp_path: Path, prompts: Path) -> None:
    slow = tmp_path / "slow.yaml"
    slow.write_text("- {when: '', seconds: 2.2}\n", encoding="utf-8")
    latest = 0.0
    for number in range(DOUBLE_STARTS):
        run = tmp_path / f"run-{number}"
        args = ("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--model", slow, "--limit", 1)
        began = time.monotonic()
        pair = [start(*args, "--rounds", 1, "--no-critique"), start(*args, "--rounds", 1, "--no-critique")]
        ended: dict[int, Any] = {}
        while len(ended) < 1:
            ended = {n: process.communicate() for n, process in enumerate(pair) if process.poll() is not None}
            time.sleep(0.005)
        seconds = time.monotonic() - began
        latest = max(latest, seconds)
        (loser,) = ended
        winner = pair[1 - loser]
        # It did not wait for the other to be done.
        assert winner.poll() is None
        assert pair[loser].returncode == 4
        named = re.search(r"another process is writing this run: process (\d+) on (\S+), since \S+Z?", ended[loser][1])
        assert named, ended[loser][1]
        assert (int(named[1]), named[2]) == (winner.pid, socket.gethostname())
        assert "Wait until it is done, or stop it." in ended[loser][1]
        winner.communicate(timeout=60)
        assert winner.returncode == 0
        assert count(run).done == 1
        assert (run / "calls.jsonl").read_bytes().count(b"\n") == 2
        assert not (run / ".holder").exists()
    print(f"{DOUBLE_STARTS} double starts: one winner each; the other was gone after {latest:.2f} s at the latest")
    # Where other tests keep the machine busy, starting alone may take as long.
    assert latest < SECONDS or not LONG


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path, prompts: Path, generated: Generated) -> None:
    never = tmp_path / "never.yaml"
    never.write_text("- {when: '', seconds: 3600}\n", encoding="utf-8")
    args = ("--prompts", prompts, "--out", tmp_path / "run", "--engine", "scripted", "--model", never)
    with start("generate", *args, "--rounds", 1) as process:
        while not (tmp_path / "run" / "calls.jsonl").exists():
            time.sleep(0.01)
        with pytest.raises(RunError, match=f"another process is writing this run: process {process.pid} on "):
            Run(tmp_path / "run")
        process.send_signal(signal.SIGKILL)
        process.wait()
    began = time.monotonic()
    with Run(tmp_path / "run"):
        assert time.monotonic() - began < 0.5
        assert f'"pid": {os.getpid()},' in (tmp_path / "run" / ".holder").read_text()


def test_the_name_of_one_who_is_gone_is_not_told(tmp_path: Path, generated: Generated) -> None:
    run = generated()
    with Run(run):
        # A process number that no system gives.
        (run / ".holder").write_text(f'{{"pid": {2**30}, "host": "{socket.gethostname()}", "since": "then"}}')
        with pytest.raises(RunError, match=r"another process is writing this run$"):
            Run(run)
        (run / ".holder").write_text('{"pid": 12, "host": "elsewhere", "since": "then"}')
        with pytest.raises(RunError, match="another process is writing this run: process 12 on elsewhere, since then"):
            Run(run)


def test_a_folder_made_for_a_run_that_never_began_is_taken_away(tmp_path: Path) -> None:
    with Run(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    with Run(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()
