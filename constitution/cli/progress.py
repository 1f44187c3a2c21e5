"""Progress on stderr: a bar on a terminal, a plain line every ten seconds elsewhere."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from constitution.printable import printable
from constitution.runner import State, Watch

PLAIN_SECONDS = 10.0
WAITING_SECONDS = 30.0


@contextmanager
def progress(quiet: bool) -> Iterator[Watch | None]:
    """A watcher for `runner.run_rows`, or None."""
    console = Console(stderr=True)
    if quiet:
        yield None
    elif console.is_terminal:
        with _bar(console) as bar:
            yield _BarWatch(bar)
    else:
        yield _LineWatch(console)


@contextmanager
def counting(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Told what is counted, how much of it is done, and of how much; or None."""
    console = Console(stderr=True)
    if quiet:
        yield None
    elif console.is_terminal:
        with _bar(console) as bar:
            task = bar.add_task("loading the model", total=None)
            yield lambda what, done, of: bar.update(task, description=f"{done}/{of} {what}", completed=done, total=of)
    else:
        yield _CountLines(console)


class _CountLines:
    """A line every ten seconds, and one at the end of each thing that is counted."""

    def __init__(self, console: Console) -> None:
        self._console, self._printed = console, time.monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._printed >= PLAIN_SECONDS or done == of:
            self._printed = now
            self._console.print(f"{done}/{of} {what}", highlight=False, soft_wrap=True)


def describe(state: State, seconds: float) -> str:
    """Rows, calls and speed in one line; `seconds` is the time that the usage took."""
    counts, usage = state.counts, state.usage
    settled = counts.input - state.owed
    parts = [f"{settled}/{counts.input} rows"]
    if state.rounds is None:
        parts.append(f"{state.calls}/{state.calls_expected} calls")
    else:
        parts.append(f"{state.rounds}/{state.rounds_expected} rounds")
    if counts.failed or counts.filtered:
        parts.append(f"{counts.failed} failed, {counts.filtered} filtered")
    if seconds > 1 and usage.completion_tokens:
        parts.append(f"{usage.completion_tokens / seconds:.0f} tokens/s")
    if usage.reused_tokens:
        parts.append(f"{usage.reused_tokens / usage.prompt_tokens:.0%} of prompt tokens reused")
    return ", ".join(parts)


class _WaitingWatch:
    """Tells what a server keeps the run waiting for, in a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = -math.inf

    def __call__(self, state: State) -> None:
        now = time.monotonic()
        if state.usage.waiting and now - self._told >= WAITING_SECONDS:
            self._told = now
            line = printable("; ".join(state.usage.waiting))
            self._console.print(f"waiting: {line}", highlight=False, markup=False, soft_wrap=True)


class _BarWatch:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tell_waiting = _WaitingWatch(bar.console)
        self._task = bar.add_task("loading the model", total=None)
        self._started: float | None = None

    def __call__(self, state: State) -> None:
        self._tell_waiting(state)
        self._started = self._started or time.monotonic()
        text = describe(state, time.monotonic() - self._started)
        self._bar.update(self._task, description=text, completed=state.calls, total=state.calls_expected)


class _LineWatch:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._tell_waiting = _WaitingWatch(console)
        self._started = self._printed = time.monotonic()
        self._first = True

    def __call__(self, state: State) -> None:
        self._tell_waiting(state)
        now = time.monotonic()
        if self._first:
            self._started, self._first = now, False
        last = not state.owed
        if now - self._printed < PLAIN_SECONDS and not last:
            return
        self._printed = now
        seconds = now - self._started
        line = describe(state, seconds)
        # The first calls of all rows end together: before some are well behind, the speed says little.
        if state.calls_made > state.calls_expected / 20 and not last:
            # Where calls are estimated, more may be made.
            left = max(0, state.calls_expected - state.calls) * seconds / state.calls_made
            line += f", about {_duration(left)} left"
        self._console.print(line, highlight=False, soft_wrap=True)


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=False,
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
