"""What the rivals share: the job, its three chained calls a row, and how they talk to `bench.py`.

A rival is started with a model and a job file. It loads the model, answers one row to warm up and writes
`{"ready": true, "version": ..., "detail": ...}`. For each line `go` on its standard input it does the whole job and
writes one JSON line with what that took. It ends at the end of its input. Whatever else it prints goes to standard
error. Runs without this project installed, and on Linux only, because of the memory figures.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

Messages = list[dict[str, str]]
# The job file's conversations hold these where the model's own earlier answers belong.
RESPONSE, CRITIQUE = "\0RESPONSE\0", "\0CRITIQUE\0"


@dataclass(frozen=True)
class Answer:
    """One call's end.

    Attributes:
        text: Of the answer.
        completion_tokens: Sampled, the one that ended the turn included.
        prompt_tokens: Of the conversation, whether computed or found in a cache.
    """

    text: str
    completion_tokens: int
    prompt_tokens: int


Ask = Callable[[Messages], Awaitable[Answer]]
Submit = Callable[[int], Any]


def arguments(description: str, *, needed: str = "", switch: str = "") -> argparse.Namespace:
    """The command line; `needed` is a flag and `switch` a switch that only this rival has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="a folder with config.json, safetensors and a tokenizer")
    parser.add_argument("--jobs", required=True, type=_rows, help="JSON: a list of rows of three conversations")
    parser.add_argument("--max-tokens", type=int, default=128, help="of an answer")
    parser.add_argument("--concurrency", type=int, default=64, help="rows in flight, at most")
    parser.add_argument("--device", default="cpu", help="for those that run on others, too")
    parser.add_argument("--repeats", type=int, default=1, help="ends after this many goes")
    if needed:
        parser.add_argument(needed, required=True)
    if switch:
        parser.add_argument(switch, action="store_true")
    return parser.parse_args()


def _rows(path: str) -> list[dict[str, Messages]]:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def only_results_on_stdout() -> Any:
    """The real standard output, to which only results go: whatever is printed goes to standard error from now on."""
    results = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return results


async def serve(options: argparse.Namespace, results: Any, ask: Ask, version: str, detail: str) -> None:
    """Warm up, then do the job once a `go`."""
    await work(options.jobs[:1], ask, 1)
    results.write(json.dumps({"ready": True, "version": version, "detail": detail}) + "\n")
    for _ in range(options.repeats):
        if not await asyncio.to_thread(sys.stdin.readline):
            break
        forget_peaks()
        started = time.perf_counter()
        answers = await work(options.jobs, ask, options.concurrency)
        result = {
            "seconds": time.perf_counter() - started,
            "completion_tokens": sum(answer.completion_tokens for answer in answers),
            "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
            "rows": len(options.jobs),
            "peak_mb": peak_mb(),
            "version": version,
            "detail": detail,
        }
        results.write(json.dumps(result) + "\n")


async def work(rows: list[dict[str, Messages]], ask: Ask, concurrency: int) -> list[Answer]:
    """All chains, so many at once; a row's next call is made as soon as its last one ended."""
    waiting, answers = iter(rows), []

    async def answer(messages: Messages) -> str:
        got = await ask(messages)
        answers.append(got)
        # As in plain `model.generate`'s run: an empty answer still takes a turn.
        return got.text.strip() or "-"

    async def chains() -> None:
        for row in waiting:
            response = await answer(row["respond"])
            critique = await answer(_filled(row["critique"], response))
            await answer(_filled(row["revise"], response, critique))

    await asyncio.gather(*(chains() for _ in range(concurrency)))
    return answers


def _filled(messages: Messages, response: str, critique: str = "") -> Messages:
    return [{**m, "content": m["content"].replace(RESPONSE, response).replace(CRITIQUE, critique)} for m in messages]


def in_steps(step: Callable[[], Iterable[tuple[int, Answer]]]) -> Callable[[Submit], Awaitable[Answer]]:
    """For engines that are driven step by step: a function that submits a call and waits for its answer.

    Args:
        step: Does one step; tells the calls that it ended, by the numbers they were submitted with.
    """
    numbers = count(1)
    waiting: dict[int, asyncio.Future[Answer]] = {}
    driver: asyncio.Task[None] | None = None

    async def drive() -> None:
        try:
            while waiting:
                for number, answer in step():
                    waiting.pop(number).set_result(answer)
                # Here the chains go on, so that their next calls are in the next step.
                await asyncio.sleep(0)
        except Exception as bad:
            for future in waiting.values():
                future.set_exception(bad)

    async def call(submit: Submit) -> Answer:
        nonlocal driver
        number = next(numbers)
        submit(number)
        future = waiting[number] = asyncio.get_running_loop().create_future()
        if driver is None or driver.done():
            driver = asyncio.create_task(drive())
        return await future

    return call


def _cuda() -> Any:
    """torch.cuda in a process that uses it, else None."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda if cuda and cuda.is_initialized() else None


def forget_peaks() -> None:
    """Loading and compiling are not the job: peaks of memory are counted anew from here."""
    if cuda := _cuda():
        cuda.reset_peak_memory_stats()
    for process in _processes():
        (process / "clear_refs").write_text("5")


def peak_mb() -> float:
    """Memory in MB (10^6 bytes) at its peak: the GPU's, or what is resident in this process and those it started."""
    if cuda := _cuda():
        return round(cuda.max_memory_allocated() / 1e6, 1)
    kilobytes = 0
    for process in _processes():
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                kilobytes += int(line.split()[1])
    return round(kilobytes * 1024 / 1e6, 1)


def _processes(pid: int | str = "self") -> Iterator[Path]:
    """The `/proc` folders of a process and all its descendants."""
    yield Path("/proc") / str(pid)
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _processes(child)
