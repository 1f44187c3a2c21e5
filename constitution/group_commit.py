"""Group commit: many wait for one flush to the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class GroupCommit:
    """Flushes on a thread of its own, one flush at a time: whoever comes while one is under way shares the next.

    So a group gathers for as long as the flush before it takes, milliseconds on most disks, and nobody waits longer
    than for two flushes.

    Args:
        flush: Writes out everything there is at the moment of the call.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._waiting: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "journals")

    async def wait(self) -> None:
        """Return when everything that is there now is on the disk.

        Raises:
            RunError: The disk fails; whoever waits is told.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await done

    def close(self) -> None:
        """Wait for the flush under way, if there is one; begin none."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while group := self._waiting:
                self._waiting = []
                failed = None
                try:
                    await loop.run_in_executor(self._thread, self._flush)
                except Exception as bad:
                    # Whatever it is, it belongs to those who wait.
                    failed = bad
                for done in group:
                    if done.done():
                        continue
                    if failed:
                        done.set_exception(failed)
                    else:
                        done.set_result(None)
        finally:
            self._running = None
