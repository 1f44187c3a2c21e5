"""News of a run while it goes on: what changes in its folder is told to the pages that are open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from watchfiles import Change, awatch

from constitution.errors import RunError
from constitution.manifest import COMPARE, REVISE, SCORE
from constitution.records import Record
from constitution.view.index import FILE, Index
from constitution.view.indexing import Indexer
from constitution.view.overview import read_overview
from constitution.view.schema import JOURNALS

# Seconds between two messages to one page, at least.
PAUSE = 0.5
# Seconds that the first page waits, at most, for the first rows to be in the index.
BEGUN = 0.5
# Milliseconds within which changes are one.
SETTLE_MS = 100
FOLLOWED = {journal.file for journal in JOURNALS} | {stage.manifest for stage in (REVISE, COMPARE, SCORE)}


class News(Record):
    """What an open page is told.

    Attributes:
        rows: How many rows something is known of.
        lines: The equations of the run's stages.
        reading: How far the index is, while it is behind.
    """

    rows: int
    lines: tuple[str, ...]
    reading: str


class Live:
    """Watches a run's folder, has the index follow, and tells open pages.

    Args:
        index: Kept up as long as this runs.
        warn: Told why it cannot be followed, and which journals are damaged.
    """

    def __init__(self, index: Index, warn: Callable[[str], None]) -> None:
        self.index = index
        self._warn = warn
        self._listeners: set[asyncio.Event] = set()
        self._ended = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Follow the run until the block ends."""
        loop = asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(self._tell)

        def warn(text: str) -> None:
            loop.call_soon_threadsafe(self._warn, text)

        indexer = Indexer(self.index, told, warn)
        # Now, so that the first page has something to ask; building it takes its time on a thread.
        await run_in_threadpool(self.index.keep)
        watching = asyncio.create_task(self._watch(indexer))
        indexer.start()
        # So that the first page is not empty.
        await run_in_threadpool(indexer.begun.wait, BEGUN)
        try:
            yield
        finally:
            self.end()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await run_in_threadpool(indexer.stop)
            self.index.close()

    def end(self) -> None:
        """End the streams of all pages: a server waits for them before it ends."""
        self._ended = True
        self._tell()

    async def events(self, request: Request) -> Response:
        """Server-sent events: one at once, then one whenever there is something new."""
        headers = {"Content-Type": "text/event-stream"}
        return StreamingResponse(self._news(), headers=headers)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.set()

    async def _news(self) -> AsyncIterator[str]:
        listener = asyncio.Event()
        self._listeners.add(listener)
        try:
            told: News | None = None
            while not self._ended:
                with suppress(RunError):
                    news = await run_in_threadpool(self._now)
                    if news != told:
                        yield f"data: {news.model_dump_json()}\n\n"
                    told = news
                await listener.wait()
                listener.clear()
                if not self._ended:
                    await asyncio.sleep(PAUSE)
        finally:
            self._listeners.discard(listener)

    def _now(self) -> News:
        with self.index.read() as connection:
            now = read_overview(self.index, connection)
        return News(rows=now.rows, lines=now.lines, reading=now.reading)

    async def _watch(self, indexer: Indexer) -> None:
        def ours(change: Change, name: str) -> bool:
            file = Path(name).name
            if file == FILE and change is Change.deleted:
                # It is made anew.
                return True
            # Where another process keeps the index up, what it writes is the news.
            return file in FOLLOWED or (file.startswith(FILE) and not self.index.keeping)

        folders = {self.index.run, self.index.folder}
        events = awatch(*folders, watch_filter=ours, step=SETTLE_MS, recursive=False)
        try:
            async with aclosing(events):
                async for _ in events:
                    indexer.look()
        except (OSError, RuntimeError) as bad:
            self._warn(f"{self.index.run}: cannot be watched: {bad}; start the view again to see what is new")
