"""A judge on a thread with an event loop of its own, for callers without one: reward functions of trainers."""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from constitution.engines.base import Engine

Result = TypeVar("Result")


class JudgeThread:
    """Opens a judge at the first call, and keeps it open.

    Args:
        opening: Opens the judge.
        name: The thread's.
    """

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, Engine]], name: str) -> None:
        self._opening, self._name = opening, name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None

    def run(self, work: Callable[[Engine], Coroutine[Any, Any, Result]]) -> Result:
        """Have the thread do this with the judge, and wait for it; callers on other threads wait for their turn.

        Raises:
            ModelError: The judge cannot be opened, or is gone.
        """

        async def opened() -> Result:
            if self._engine is None:
                self._engine = await self._opening()
            return await work(self._engine)

        with self._lock:
            return asyncio.run_coroutine_threadsafe(opened(), self._running()).result()

    def close(self) -> None:
        """Close the judge and end the thread; the next call opens it again."""
        with self._lock:
            loop, engine = self._loop, self._engine
            self._loop = self._engine = None
            if loop is None:
                return
            if engine is not None:
                asyncio.run_coroutine_threadsafe(engine.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()
            atexit.unregister(self._close_at_exit)

    def _close_at_exit(self) -> None:
        # By now Python begins nothing on threads any more, which engines that compute here need to close. They hold
        # nothing that the end of the process does not free.
        with contextlib.suppress(RuntimeError):
            self.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon: a trainer that fails must not wait for it.
            self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
            self._thread.start()
            atexit.register(self._close_at_exit)
        return self._loop
