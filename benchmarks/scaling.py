"""What a cluster adds: calls per second by number of workers, and a million rows, on a Ray of this machine's own.

*Workers.* The scripted engine answers after 50 ms, and each worker has one row in flight, so n workers make at most
20 n calls/s. What is lacking is that each call is on the disk before the next one begins, what the cluster costs, and
how busy the machine is; so a run of one process without a cluster is measured in turn, for what a worker of n does of
what it does. A run goes on until all workers have been at work for some time, and is then stopped. The rate is that of
the calls which ended in that time, by the journal: neither the start nor the end counts. In turns, medians.

*Rows.* A million rows of two calls each (direct revision), answered at once, by two workers: rows per second from the
start of the command to its end, what the process that writes the run holds in memory on the way, and how large the
folder is.

    python benchmarks/scaling.py workers
    python benchmarks/scaling.py rows
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil
from sections import replace_section

PROGRAM = Path(sys.executable).with_name("constitution")
CALL_SECONDS = 0.05
CALLS_PER_ROW = 2
# Of the time in which all workers are at work: what is left out at its beginning and its end.
MARGIN_SECONDS = 2.0
_TIMES = re.compile(rb'"began":([0-9.e+]+),"seconds":([0-9.e+-]+)')


@dataclass(frozen=True)
class Sample:
    """How far a run was at a moment.

    Attributes:
        seconds: Since the command was given.
        rows: Finished.
        memory: Resident memory of the process that writes the run, in bytes.
    """

    seconds: float
    rows: int
    memory: int


@dataclass(frozen=True)
class Rate:
    """What one run of n workers showed.

    Attributes:
        calls: Per second.
        first: Seconds from the command to the first call.
        memory: Resident memory of the process that writes the run at the beginning and the end of the window, in MB.
        ray: Of all processes of Ray's at the end, in MB.
    """

    calls: float
    first: float
    memory: tuple[float, float]
    ray: float


class Tail:
    """The lines that a file gets, read as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[bytes]:
        """Whole lines since the last time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        return data.splitlines()


def times(lines: Iterable[bytes]) -> Iterator[tuple[float, float]]:
    """When calls began and ended, in seconds since 1970."""
    for line in lines:
        if found := _TIMES.search(line):
            began, seconds = map(float, found.groups())
            yield began, began + seconds


def all_at_work(calls: Sequence[tuple[float, float]], workers: int) -> tuple[float, float] | None:
    """The first and the last moment at which so many calls were under way; None if there was none."""
    events = sorted([(began, 1) for began, _ in calls] + [(ended, -1) for _, ended in calls])
    under_way, moments = 0, list[float]()
    for moment, change in events:
        under_way += change
        if under_way >= workers:
            moments.append(moment)
    return (moments[0], moments[-1]) if moments else None


def write_prompts(path: Path, rows: int) -> None:
    question = "What should I know about the thing that my neighbour keeps in his shed, and whom may I ask?"
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            file.write(json.dumps({"id": f"row-{n}", "prompt": f"Question {n}: {question}"}) + "\n")


def start(prompts: Path, run: Path, workers: int, *options: str) -> "subprocess.Popen[bytes]":
    """Begin a run by so many workers; by none: in one process, without a cluster."""
    where = ("--prompts", str(prompts), "--out", str(run), "--engine", "scripted", "--rounds", "1", "--no-critique")
    command = [str(PROGRAM), "generate", "--quiet", *where, *options]
    command += ["--ray", "local", "--replicas", str(workers), "--cpus-per-replica", "0.05"] if workers else []
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


def memory_below(pid: int) -> float:
    """Of all processes that one has started, in MB; what they share counts for each."""
    total = 0
    for process in psutil.Process(pid).children(recursive=True):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def measure(folder: Path, workers: int, seconds: float) -> Rate:
    """One run of n workers, stopped when all of them have been at work for so long."""
    prompts, rules, run = folder / "prompts.jsonl", folder / "rules.yaml", folder / "run"
    at_once = max(1, workers)
    write_prompts(prompts, round(at_once / CALL_SECONDS / CALLS_PER_ROW * (seconds + 120)))
    rules.write_text(f"- {{when: '', seconds: {CALL_SECONDS}}}\n", encoding="utf-8")
    options = ("--model", str(rules), "--concurrency", "1")
    began, calls, memory = time.time(), list[tuple[float, float]](), list[float]()
    process, tail = start(prompts, run, workers, *options), Tail(run / "calls.jsonl")
    # Looking at what is new alone: this process should cost those that it measures little.
    while all_at_work(latest := list(times(tail.new())), at_once) is None:
        calls += latest
        time.sleep(2)
        if process.poll() is not None:
            raise SystemExit(f"a run of {workers} workers ended with {process.returncode} before all were at work")
    memory.append(psutil.Process(process.pid).memory_info().rss / 2**20)
    time.sleep(seconds + 2 * MARGIN_SECONDS)
    memory.append(psutil.Process(process.pid).memory_info().rss / 2**20)
    ray = memory_below(process.pid)
    process.terminate()
    process.wait()
    calls += [*latest, *times(tail.new())]
    span = all_at_work(calls, at_once)
    assert span
    since, until = span[0] + MARGIN_SECONDS, span[1] - MARGIN_SECONDS
    ended = sum(since <= end < until for _, end in calls)
    return Rate(ended / (until - since), min(calls)[0] - began, (memory[0], memory[1]), ray)


def measure_workers(options: argparse.Namespace) -> None:
    """The section about workers."""
    told: dict[int, list[Rate]] = {}
    for _ in range(options.repeats):
        for workers in options.workers:
            with tempfile.TemporaryDirectory() as folder:
                rate = measure(Path(folder), workers, options.seconds)
            told.setdefault(workers, []).append(rate)
            print(f"{workers:3} workers {rate.calls:6.1f} calls/s, {rate}", flush=True)
    write("On a Ray cluster: workers (`scaling.py workers`)", table(told, options))


def table(told: Mapping[int, Sequence[Rate]], options: argparse.Namespace) -> list[str]:
    """What the runs showed, by number of workers."""
    alone = statistics.median(rate.calls for rate in told[0]) if 0 in told else None
    lines = [
        f"{date.today()}, {os.cpu_count()} cores, Ray {version('ray')}. The scripted engine with a simulated call of "
        f"{CALL_SECONDS * 1000:.0f} ms, one row in flight in each worker, so {1 / CALL_SECONDS:.0f} calls/s a worker "
        f"at most; {options.seconds:.0f} s with all workers at work, medians of {options.repeats} runs in turns. "
        "One process: without a cluster, one row in flight. "
        "Memory: of the process that writes the run, at the beginning and the end of that time.",
        "",
        "| workers | calls/s | of the most (each run) | a worker, of one process | memory "
        "| Ray's processes | first call after |",
        "|---|---|---|---|---|---|---|",
    ]
    for workers, rates in told.items():
        at_once = max(1, workers)
        most = at_once / CALL_SECONDS
        each = ", ".join(f"{rate.calls / most:.1%}" for rate in rates)
        calls = statistics.median(rate.calls for rate in rates)
        share = f"{calls / at_once / alone:.1%}" if alone else ""
        first, ray = (statistics.median(getattr(rate, name) for rate in rates) for name in ("first", "ray"))
        before, after = (statistics.median(rate.memory[n] for rate in rates) for n in (0, 1))
        lines.append(
            f"| {workers or 'one process'} | {calls:.1f} | {calls / most:.1%} ({each}) | {share} "
            f"| {before:.0f}, {after:.0f} MB | {ray:.0f} MB | {first:.0f} s |"
        )
    return lines


def measure_rows(options: argparse.Namespace) -> None:
    """The section about many rows."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        prompts, run = Path(folder) / "prompts.jsonl", Path(folder) / "run"
        write_prompts(prompts, options.rows)
        began, samples, ray = time.monotonic(), list[Sample](), 0.0
        process, tail, rows = start(prompts, run, options.pool), Tail(run / "transcripts.jsonl"), 0
        while process.poll() is None:
            time.sleep(2)
            rows += len(tail.new())
            try:
                memory = psutil.Process(process.pid).memory_info().rss
                ray = max(ray, memory_below(process.pid))
            except psutil.NoSuchProcess:
                break
            samples.append(Sample(time.monotonic() - began, rows, memory))
        seconds = time.monotonic() - began
        if process.wait() != 0:
            raise SystemExit(f"the run ended with {process.returncode}")
        found = check(run, options.rows)
        size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    at = [next(one.memory for one in samples if one.rows >= options.rows * tenth // 10) for tenth in range(1, 10)]
    peak = max(sample.memory for sample in samples)
    lines = [
        f"{date.today()}, {os.cpu_count()} cores, Ray {version('ray')}. {options.rows:,} rows × {CALLS_PER_ROW} calls "
        f"of the scripted engine, answered at once, by {options.pool} workers of a Ray of the machine's own; "
        "start and end of the command included.",
        "",
        f"{seconds:,.0f} s: {options.rows / seconds:,.0f} rows/s, "
        f"{options.rows * CALLS_PER_ROW / seconds:,.0f} calls/s, each on the disk before it was used. "
        f"{found} The folder: {size / 2**30:.2f} GB.",
        "",
        f"Memory of the process that writes the run: {peak / 2**20:.0f} MB at most; at each tenth of the rows "
        f"{', '.join(f'{memory / 2**20:.0f}' for memory in at)} MB. Ray's processes together: {ray:.0f} MB at most.",
    ]
    write(f"On a Ray cluster: {options.rows:,} rows (`scaling.py rows`)", lines)


def check(run: Path, rows: int) -> str:
    """What is there: each row once, each call once.

    Raises:
        SystemExit: A row is lacking, or something is there twice.
    """
    positions = re.compile(rb'"index":(\d+)')
    for name, times_each in (("transcripts.jsonl", 1), ("calls.jsonl", CALLS_PER_ROW)):
        seen = bytearray(rows)
        with (run / name).open("rb") as file:
            for line in file:
                if found := positions.search(line):
                    seen[int(found[1])] += 1
        if seen != bytearray([times_each]) * rows:
            raise SystemExit(f"{name}: not {times_each} of each row")
    return "Every row is there once, and every call."


def write(heading: str, lines: Sequence[str]) -> None:
    text = "\n".join(lines)
    print(text)
    replace_section(heading, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    workers = verbs.add_parser("workers")
    workers.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4, 8, 16])
    workers.add_argument("--repeats", type=int, default=3)
    workers.add_argument("--seconds", type=float, default=20)
    workers.set_defaults(measure=measure_workers)
    rows = verbs.add_parser("rows")
    rows.add_argument("--rows", type=int, default=1_000_000)
    rows.add_argument("--pool", type=int, default=2, help="workers")
    rows.add_argument("--folder", type=Path, help="where the run is made, 6 GB for a million rows; default: TMPDIR")
    rows.set_defaults(measure=measure_rows)
    options = parser.parse_args()
    options.measure(options)


if __name__ == "__main__":
    main()
