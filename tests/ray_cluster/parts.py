"""Engines that tell what they are asked, the processes that work for a run, and runs to compare."""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
from conftest import PROGRAM
from journals import sorted_lines

from constitution.digests import derive_seed
from constitution.journal import read_records
from constitution.records import Call

# The scripted engine, as a third party's. Its model is a folder: there it notes each call as it begins, and finds how
# long a call takes, and whether fragile rows fail for now. A deadly row ends the process, as one that takes all memory.
NOTED = '''"""The scripted engine; tells a folder what it is asked."""

import asyncio
import os
from pathlib import Path

from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError


class Noted(ScriptedEngine):
    def __init__(self, folder):
        super().__init__(name="noted")
        self.folder = Path(folder)
        self.asked = os.open(self.folder / "asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        took = self.folder / "seconds"
        self.seconds = float(took.read_text()) if took.exists() else 0

    async def generate(self, messages, sampling, seed):
        await self.note(seed)
        if "fragile" in messages[-1].content and (self.folder / "broken").exists():
            raise CallError("the server hung up")
        if "deadly" in messages[-1].content:
            os._exit(1)
        return await super().generate(messages, sampling, seed)

    async def choose(self, messages, options, seed):
        await self.note(seed)
        return await super().choose(messages, options, seed)

    async def note(self, seed):
        os.write(self.asked, f"{seed} {os.getpid()}\\n".encode())
        await asyncio.sleep(self.seconds)


async def check_model(settings):
    pass


async def open_engine(settings, chat_template=None):
    return Noted(settings.model)
'''

# An engine that is found, but whose model is not to be had: `crash` ends its process, as one that takes all memory.
UNLOADABLE = '''"""No model of this engine can be loaded."""

import os

from constitution.errors import ModelError


async def check_model(settings):
    pass


async def open_engine(settings, chat_template=None):
    if settings.model == "crash":
        os._exit(1)
    raise ModelError(f"the weights of {settings.model} are damaged", "Download them again.")
'''

STAGES = ("", "compare-", "score-")
JOURNALS = (
    *("transcripts.jsonl", "comparisons.jsonl", "scores.jsonl"),
    *(f"{stage}{name}.jsonl" for stage in STAGES for name in ("calls", "failures", "filtered")),
)


def program(*args: object, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
    """Run the installed program to its end."""
    command = [str(PROGRAM), *map(str, args)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=timeout)


def done(*args: object) -> str:
    """Run the installed program to an end without an error; what it said on stdout."""
    ended = program(*args)
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "Traceback" not in ended.stderr, ended.stderr[-4000:]
    return ended.stdout


def write_prompts(path: Path, texts: Iterable[str]) -> Path:
    """A prompts file whose ids are `r0`, `r1` and so on."""
    rows = ({"id": f"r{n}", "prompt": text, "topic": n % 3} for n, text in enumerate(texts))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def assert_same(one: Path, other: Path) -> None:
    """Two runs hold the same records, and nothing twice; byte for byte but for their order and the times of calls."""
    for name in JOURNALS:
        assert (one / name).exists() == (other / name).exists(), name
        if (one / name).exists():
            assert sorted_lines(one / name) == sorted_lines(other / name), name
    for name in ("manifest.json", "compare.json", "score.json"):
        assert _affecting(one / name) == _affecting(other / name), name
    assert _summary(one) == _summary(other)


def _affecting(manifest: Path) -> object:
    if not manifest.exists():
        return None
    fields = json.loads(manifest.read_text(encoding="utf-8"))
    return {name: fields[name] for name in ("affecting", "input", "determinism")}


def _summary(run: Path) -> dict[str, object]:
    # The last failure is the last in time, which is any of them.
    told = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return {name: value for name, value in told.items() if name != "last_failure"}


def whole_lines(path: Path) -> int:
    """Lines of a file that may not be there yet."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def workers(above: int | None = None) -> list[psutil.Process]:
    """The processes of Ray's with a worker in them, among those below this process, or below another one."""
    found = []
    for process in psutil.Process(above).children(recursive=True):
        try:
            if "".join(process.cmdline()).startswith("ray::MapWorker"):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def working(model: Path, since: int) -> set[int]:
    """The processes whose engine `noted` was asked something after so many lines of its notes."""
    return {int(line.split()[1]) for line in (model / "asked").read_text().splitlines()[since:]}


def asked_in_vain(run: Path, model: Path) -> int:
    """Calls that the engine `noted` was asked and that are not in the journal, or that it was asked again.

    Raises:
        AssertionError: The journal holds a call that was never asked, or one of them twice.
    """
    seeds = Counter(
        str(derive_seed("call", 0, call.row, call.step, 0)) for call in read_records(run / "calls.jsonl", Call)
    )
    asked = Counter(line.split()[0] for line in (model / "asked").read_text().splitlines())
    assert seeds <= asked, "a call was journalled twice, or never asked"
    return asked.total() - seeds.total()


class Assailant:
    """Kills worker processes that are at work, at random moments, and counts them."""

    def __init__(self, driver: "subprocess.Popen[str]", seed: int) -> None:
        self._driver = driver
        self._dice = random.Random(seed)
        self.kills = 0

    def kill(self, number: int, pause: Sequence[float]) -> None:
        """So many kills, with so many seconds (from, to) before each; fewer if the run ends before."""
        while number and self._driver.poll() is None:
            time.sleep(self._dice.uniform(*pause))
            if at_work := workers():
                self._dice.choice(at_work).kill()
                self.kills += 1
                number -= 1
