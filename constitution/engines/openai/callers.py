"""Who waits for an answer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


class Callers:
    """The tasks that wait for an engine's answers, to be cancelled when there will be none."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Within it, this task is one of them."""
        # There always is one where something is awaited.
        caller = cast(asyncio.Task[Any], asyncio.current_task())
        self._tasks.add(caller)
        try:
            yield
        finally:
            self._tasks.discard(caller)

    def cancel(self) -> None:
        """Cancel them all."""
        for caller in self._tasks:
            caller.cancel()
