"""Run a stage to its end, or until Ctrl-C."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer

from constitution.cli.output import tell
from constitution.runner import Stop, Stopped

Result = TypeVar("Result")

# How long an engine may take to tell which calls it had not sent yet.
HELD_SECONDS = 0.05


def run_stage(stage: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """Run it. The first Ctrl-C lets the calls under way end, so that none is paid for in vain; the second does not.

    Raises:
        typer.Exit: 130, after Ctrl-C.
    """

    async def guarded() -> Result:
        stop, loop, task = Stop(), asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def interrupt() -> None:
            if stop.asked or not stop.under_way:
                task.cancel()
            else:
                stop.ask()
                # By then, calls that were not sent yet are no longer under way.
                loop.call_later(HELD_SECONDS, say)

        def say() -> None:
            if stop.under_way:
                calls = "1 call is" if stop.under_way == 1 else f"{stop.under_way} calls are"
                tell(f"stopping: {calls} under way and finished first; Ctrl-C again stops at once", err=True)

        # Windows has no such handlers: there Ctrl-C stops at once.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, interrupt)
        return await stage(stop)

    try:
        return asyncio.run(guarded())
    except (Stopped, KeyboardInterrupt, asyncio.CancelledError):
        tell("stopped; the same command goes on from here", err=True)
        raise typer.Exit(130) from None
