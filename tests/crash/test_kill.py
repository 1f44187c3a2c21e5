"""kill -9, again and again: no row lost, none doubled, no more calls made again than were in flight."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import faults
import pytest
from conftest import PROGRAM
from journals import sorted_lines
from plugging import plug, put_on_path
from scale import LONG

from constitution.digests import derive_seed
from constitution.journal import read_records
from constitution.records import Call

ROWS, KILLS = (2000, 200) if LONG else (120, 10)
IN_FLIGHT = 8
JOURNALS = ("calls.jsonl", "compare-calls.jsonl")
# A response, a critique and a revision, and a question in either order.
CALLS_PER_ROW = 5
Cli = Callable[..., "subprocess.CompletedProcess[str]"]

# The scripted engine, as a third party's: it takes its time, and notes each call as it begins.
NOTED = """
import asyncio
import json
import os
from pathlib import Path

import faults
from constitution.engines.scripted import ScriptedEngine


class Noted(ScriptedEngine):
    def __init__(self, log):
        super().__init__(name="noted")
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def generate(self, messages, sampling, seed):
        await self.note(seed)
        return await super().generate(messages, sampling, seed)

    async def choose(self, messages, options, seed):
        await self.note(seed)
        return await super().choose(messages, options, seed)

    async def note(self, seed):
        faults.write(self.log, f"{seed}\\n".encode())
        await asyncio.sleep(0.004)


async def check_model(settings):
    pass


async def open_engine(settings, chat_template=None):
    return Noted(settings.model)
"""


def whole_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_killed_many_times_is_the_run_that_was_never_killed(
    tmp_path: Path, program: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, log = tmp_path / "site", tmp_path / "asked"
    plug(site, "noted", NOTED)
    faults.plant(site)
    log.touch()
    put_on_path(site, monkeypatch)
    monkeypatch.setenv("PYTHONPATH", str(Path(faults.__file__).parent), prepend=os.pathsep)
    prompts, killed, whole = tmp_path / "prompts.jsonl", tmp_path / "killed", tmp_path / "whole"
    prompts.write_text("".join(json.dumps({"id": f"r{n}", "prompt": f"Question {n}?"}) + "\n" for n in range(ROWS)))
    config = tmp_path / "config.yaml"
    config.write_text("compare: {pairs: revisions, principles_per_pair: 1}\n")

    def command(run: Path, note: Path) -> list[object]:
        made = ["generate", "--prompts", prompts, "--out", run, "--engine", "noted", "--model", note]
        return [*made, "--rounds", 1, "--concurrency", IN_FLIGHT, "-q", "--config", config]

    def kept() -> int:
        return sum(whole_lines(killed / name) for name in JOURNALS)

    def start(words: Sequence[object], fault: str = "") -> "subprocess.Popen[bytes]":
        environment = os.environ | {"FAULTS": fault, "FAULTS_BELOW": str(tmp_path)}
        arguments = [str(PROGRAM), *map(str, words)]
        return subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def die(process: "subprocess.Popen[bytes]", after: float = 0.0) -> bool:
        """Whether it was killed, and had not ended before."""
        time.sleep(after)
        process.send_signal(signal.SIGKILL) if after else None
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()
        return process.returncode == -signal.SIGKILL

    dice = random.Random(2212)
    kinds: Counter[str] = Counter()
    in_flight: Counter[str] = Counter()
    # A share of the calls for each kill, the last ones for the start that is left alone.
    share = CALLS_PER_ROW * ROWS // (KILLS + 1)
    early = max(2, KILLS // 10)
    while kinds.total() < KILLS:
        if kinds["in the beginning"] < early:
            # The lock, the holder's name, the manifest, the first lines.
            kind, fault = "in the beginning", f"kill:{kinds['in the beginning'] + 1}"
        elif kinds.total() % 10 == 9 and whole_lines(killed / "transcripts.jsonl"):
            kind, fault = "in an export", f"kill:{dice.randint(1, 12)}"
        else:
            kind = dice.choice(["at a write or a flush", "at any moment"])
            fault = f"kill:{5 + dice.randint(1, 3 * share)}" if kind == "at a write or a flush" else ""
        if kind == "in an export":
            process = start(["export", killed, "--to", tmp_path / "data", "--overwrite"], fault)
            kinds[kind] += die(process)
            continue
        before, asked = kept(), whole_lines(log)
        process = start(command(killed, log), fault)
        if kind == "at any moment":
            while kept() < before + 1 and process.poll() is None:
                time.sleep(0.001)
        was_killed = die(process, dice.uniform(0.0, share * 0.004 / IN_FLIGHT) if kind == "at any moment" else 0.0)
        if not was_killed:
            assert kept() == CALLS_PER_ROW * ROWS, "a start ended before its run was finished"
            break
        kinds[kind] += 1
        # What was asked and is not in the journal was in flight; one that was found there was not asked again.
        answered = {
            derive_seed(
                "call" if call.completion else "choose", 0, call.row, call.step, *([0] if call.completion else [])
            )
            for name in JOURNALS
            for call in read_records(killed / name, Call)
        }
        now = [seed for seed in log.read_text().split()[asked:] if int(seed) not in answered]
        assert len(now) <= IN_FLIGHT
        in_flight.update(now)
    assert kinds.total() == KILLS, f"the run was finished after {dict(kinds)}"

    assert program(*command(killed, log)).returncode == 0
    assert program(*command(whole, tmp_path / "asked-whole")).returncode == 0
    for name, number in {
        "calls.jsonl": 3,
        "transcripts.jsonl": 1,
        "compare-calls.jsonl": 2,
        "comparisons.jsonl": 1,
    }.items():
        assert sorted_lines(killed / name) == sorted_lines(whole / name), name
        assert len(sorted_lines(killed / name)) == number * ROWS
    assert (killed / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()
    for run, data in ((killed, "data"), (whole, "data-whole")):
        assert program("export", run, "--to", tmp_path / data, "--overwrite").returncode == 0
    assert tree(tmp_path / "data") == tree(tmp_path / "data-whole")
    assert not list(tmp_path.glob(".data*")), "a killed export left something behind"

    again = {seed: times - 1 for seed, times in Counter(log.read_text().split()).items() if times > 1}
    assert all(times <= in_flight[seed] for seed, times in again.items())
    where = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    print(f"{KILLS} kills of a run of {ROWS} rows × {CALLS_PER_ROW} calls, both stages ({where}): ", end="")
    print(f"0 rows lost, 0 doubled, output equal to the byte; {sum(again.values())} calls made again, ", end="")
    print(f"{sum(in_flight.values())} were in flight")
