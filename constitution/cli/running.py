"""Run a stage to its end, or until Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from constitution.cli.output import tell
from constitution.runner import Stop, Stopped

if TYPE_CHECKING:
    from constitution.remote.mirror import Mirror

Result = TypeVar("Result")

STOPPED = "stopped; the same command goes on from here"

# How long an engine may take to tell which calls it had not sent yet.
HELD_SECONDS = 0.05
# How long calls under way are waited for. Who types Ctrl-C wants to leave; batch systems kill soon after they ask.
DRAIN_SECONDS = 8.0
# After so long the process ends, whatever hangs in it, such as a large model that is being loaded on another thread. As
# a kill would end it: nothing is lost by that.
LEAVE_SECONDS = 9.5


def run_stage(
    stage: Callable[[Stop], Coroutine[Any, Any, Result]], stopped: str = STOPPED, mirror: "Mirror | None" = None
) -> Result:
    """Run it. The first Ctrl-C, or the signal TERM, lets the calls under way end; the second does not.

    Args:
        stage: What is run.
        stopped: What is said when it was stopped.
        mirror: What uploads the run, and the rest of it when it was stopped.

    Raises:
        typer.Exit: 130 after Ctrl-C, 143 after TERM.
    """
    asked_by: list[int] = []
    last: list[threading.Timer] = []
    ended = threading.Event()

    async def guarded() -> Result:
        stop, loop, task = Stop(), asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def interrupt(number: int, frame: FrameType | None) -> None:
            if not asked_by:
                last.append(_leave_after(LEAVE_SECONDS, 128 + number, ended, stopped))
            asked_by.append(number)
            if not stop.under_way:
                # Nothing to wait for; a long input may be being read, so no event loop would look at anything gentler.
                raise KeyboardInterrupt
            loop.call_soon_threadsafe(end)

        def end() -> None:
            if stop.asked or not stop.under_way:
                task.cancel()
            else:
                stop.ask()
                # By then, calls that were not sent yet are no longer under way.
                loop.call_later(HELD_SECONDS, say)
                loop.call_later(DRAIN_SECONDS, task.cancel)

        def say() -> None:
            if stop.under_way:
                calls = "1 call is" if stop.under_way == 1 else f"{stop.under_way} calls are"
                tell(
                    f"stopping: {calls} under way and waited for, {DRAIN_SECONDS:g} s at most; "
                    "Ctrl-C again stops at once",
                    err=True,
                )

        with _handled(interrupt):
            return await stage(stop)

    try:
        result = asyncio.run(guarded())
    except BaseException as error:
        if not _stops(error):
            raise
        ended.set()
        tell(stopped, err=True)
        code = 128 + (asked_by[0] if asked_by else signal.SIGINT)
        if mirror:
            # An upload may take longer than what hangs is given to end; who asks for the end once more has it.
            for timer in last:
                timer.cancel()
            mirror.finish()
            _leave_after(LEAVE_SECONDS - DRAIN_SECONDS, code, ended, stopped)
        raise typer.Exit(code) from None
    for timer in last:
        # The stage was finished all the same: what follows is not to be cut off.
        timer.cancel()
    return result


def _stops(error: BaseException) -> bool:
    """Whether it says that the stage was stopped: itself, or within the group of a library that groups tasks.

    An interrupt is raised in whichever task is running at that moment, wherever that one stands.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(_stops, error.exceptions))
    return isinstance(error, Stopped | KeyboardInterrupt | asyncio.CancelledError)


def _leave_after(seconds: float, code: int, ended: threading.Event, stopped: str) -> threading.Timer:
    timer = threading.Timer(seconds, _leave, [code, ended, stopped])
    timer.daemon = True
    timer.start()
    return timer


def _leave(code: int, ended: threading.Event, stopped: str) -> None:
    if not ended.is_set():
        tell(stopped, err=True)
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def _handled(interrupt: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Both signals, until the stage has ended."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
