"""What a stage is given on a cluster: opens models on workers, has rows run by them, closes the pool."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from constitution.caps import Spending
from constitution.cluster.connecting import Room, connect, disconnect, free_now, own_host, room_for
from constitution.cluster.desk import Desk
from constitution.cluster.pool import Pool
from constitution.cluster.shift import Shift
from constitution.cluster.worker import Post
from constitution.cluster_settings import ClusterSettings
from constitution.crew import Job, Known, Model, Seen
from constitution.engines.vllm.starting import GPUS_VARIABLE
from constitution.errors import CapReached
from constitution.model_settings import Addresses, unmasked
from constitution.run import Run
from constitution.runner import WATCH_SECONDS, AnyRow, Stop, Stopped, Tally, Watch
from constitution.tasks import task_group

LOG = logging.getLogger(__name__)
# So often it is told that no worker has its models open yet.
WAITING_SECONDS = 30.0
# How long workers that were sent home may take; then they are ended.
LEAVE_SECONDS = 5.0
# Variables that workers are given as they are here: what Hugging Face's packages go by.
ENVIRONMENT = ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_ENDPOINT", "OPENAI_BASE_URL")


class RayCrew:
    """The workers of a Ray cluster. Use it as an async context manager.

    Args:
        settings: Which cluster, how many workers, what each is given.

    Raises:
        ConfigError: Ray is not installed, nobody is at the address, or the cluster has not got what is asked for.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._pool: Pool | None = None
        self._models: list[Model] = []
        self._known: list[Known] = []

    async def __aenter__(self) -> Self:
        """Join the cluster, and listen for workers."""
        # On a thread: it takes seconds, and Ctrl-C should be heard meanwhile.
        await asyncio.to_thread(connect, self._settings)
        _listen_again()
        listen, self._host = own_host(self._settings)
        self._desk = Desk(listen)
        await self._desk.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Send the workers home, and leave the cluster."""
        await self._end_pool()
        await self._desk.close()
        await asyncio.to_thread(disconnect)

    async def open(self, models: Sequence[Model]) -> list[Known]:
        """See `Crew.open`; heard from the first worker that has them open."""
        if list(models) == self._models:
            return self._known
        await self._end_pool()
        room = room_for(self._settings, list(models))
        first = self._desk.expect(room.least)
        post = Post(
            host=self._host,
            port=self._desk.port,
            token=self._desk.reception.token,
            models=tuple(models),
            folder=os.getcwd(),
            environment=_environment(models, room),
        )
        loop = asyncio.get_running_loop()

        def failed(error: BaseException) -> None:
            loop.call_soon_threadsafe(self._desk.fail, error)

        self._pool = Pool(post, room, self._desk.came, failed)
        telling = asyncio.create_task(_tell_waiting(room))
        try:
            self._known = await first
        finally:
            telling.cancel()
        self._models = list(models)
        return self._known

    async def work(
        self,
        rows: Iterator[AnyRow],
        job: Job[AnyRow],
        run: Run,
        tally: Tally,
        watch: Watch | None,
        stop: Stop,
        seen: Seen | None = None,
        spending: Spending | None = None,
    ) -> None:
        """See `Crew.work`.

        Caps are looked at when calls come in: those that are under way on workers then may exceed them.
        """
        before = self._desk.usage
        shift = Shift(rows, job, run, tally, stop, seen, spending)

        def tell() -> None:
            if watch:
                watch(tally.state(run, self._desk.usage - before))

        async def heartbeat() -> None:
            while True:
                tell()
                await run.flushed()
                await asyncio.sleep(WATCH_SECONDS)

        async def end_early() -> None:
            await stop.drained()
            working.cancel()

        stop.on_ask(self._desk.halt)
        ending = asyncio.create_task(end_early())
        try:
            async with task_group() as group:
                beating = group.create_task(heartbeat())
                working = group.create_task(self._desk.work(shift, tell))
                await asyncio.wait([working])
                beating.cancel()
            await run.flushed()
        finally:
            ending.cancel()
        if spending and isinstance(stop.why, CapReached):
            # What was under way is spent by now, too.
            raise spending.error()
        if stop.asked:
            raise stop.why or Stopped

    def whole(self, given: Addresses | None) -> Addresses | None:
        """See `Crew.whole`."""
        return unmasked(given, [model.settings for model in self._models])

    async def _end_pool(self) -> None:
        if self._pool:
            self._desk.dismiss()
            await asyncio.to_thread(self._pool.end, LEAVE_SECONDS)
        self._pool, self._models = None, []


def _listen_again() -> None:
    """Ray's libraries take SIGTERM first, and write to the terminal where it found them: put Python's handler back."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


async def _tell_waiting(room: Room) -> None:
    """Nobody should look at nothing for minutes: models take long to load, and a cluster may be full."""
    each = f"{room.cpus:g} CPUs and {room.gpus:g} GPUs"
    while True:
        await asyncio.sleep(WAITING_SECONDS)
        free = await asyncio.to_thread(free_now)
        LOG.warning("waiting for the first of %d workers (%s each); free on the cluster: %s", room.least, each, free)


def _environment(models: Sequence[Model], room: Room) -> dict[str, str]:
    """What workers need of this process's environment: keys of servers, and where models come from."""
    names = {*ENVIRONMENT, *(model.settings.key_env for model in models)}
    spread = {GPUS_VARIABLE: str(int(room.gpus))} if room.gpus >= 2 else {}
    return {name: os.environ[name] for name in names if name in os.environ} | spread
