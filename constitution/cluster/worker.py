"""The class that Ray Data runs in each actor: opens the models once, works until it is sent home."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constitution.calls import Caller
from constitution.cluster.frames import Kind, Line, LineBroken, load
from constitution.cluster.ledger import Ledger
from constitution.cluster.messages import RELEASE, Hello, fault_of
from constitution.cluster.shift import Packet, pack
from constitution.crew import Job, Known, Model
from constitution.engines.base import Engine
from constitution.engines.pool import Engines
from constitution.runner import Chain, Stop, Tally, outcome_of

BEAT_SECONDS = 1.0
# For so long a driver that cannot be reached is looked for.
LOOK_SECONDS = 30.0
CONNECT_SECONDS = 10.0
# After so long a worker that could not open its models tries again.
AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Post:
    """Where a worker reports, and what it needs.

    Attributes:
        host: The driver's address.
        port: Where its desk listens.
        token: What shows that worker and driver belong together.
        models: What to open.
        folder: The driver's working folder: names of files are taken from there where it exists.
        environment: Variables, such as the one that holds a server's key.
    """

    host: str
    port: int
    token: bytes
    models: tuple[Model, ...]
    folder: str
    environment: Mapping[str, str]


class Worker:
    """One actor of the pool."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._engines = Engines()
        os.environ.update(post.environment)
        if Path(post.folder).is_dir():
            os.chdir(post.folder)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Work until the driver says that there is no more, or is gone.

        Args:
            batch: Anything: rows come over the line.

        Returns:
            The batch.
        """
        asyncio.run(self._work())
        return batch

    async def _work(self) -> None:
        """Report to the desk, again if the line breaks."""
        while line := await self._call():
            try:
                try:
                    await line.prove(self._post.token, first=False)
                except LineBroken:
                    # Another pool has taken this one's place, or the run is over.
                    return
                if await self._report(line):
                    return
                # Whatever keeps the models from being opened may pass.
                await asyncio.sleep(AGAIN_SECONDS)
            except LineBroken:
                await asyncio.sleep(BEAT_SECONDS)
            finally:
                line.close()

    async def _call(self) -> Line | None:
        """A line to the desk; None if nobody has been there for a while."""
        began = time.monotonic()
        while time.monotonic() - began < LOOK_SECONDS:
            try:
                connecting = asyncio.open_connection(self._post.host, self._post.port)
                return Line(*await asyncio.wait_for(connecting, CONNECT_SECONDS))
            except (OSError, TimeoutError):
                await asyncio.sleep(BEAT_SECONDS)
        return None

    async def _report(self, line: Line) -> bool:
        """Open the models, then do what the desk says.

        Returns:
            Whether all is done; False if the models could not be opened.

        Raises:
            LineBroken: The desk is gone.
        """
        await line.read()
        try:
            opened = [await self._engines.open(model.settings, model.chat_template) for model in self._post.models]
        except Exception as bad:
            # Whatever it is, the driver tells it; and ends the run, if it is so on other workers.
            line.send(Kind.FAULT, fault_of(bad).model_dump_json().encode())
            await line.drain()
            return False
        known = [Known.of(one) for one in opened]
        hello = Hello(host=socket.gethostname(), process=os.getpid(), release=RELEASE, models=tuple(known))
        line.send(Kind.HELLO, hello.model_dump_json().encode())
        presence = Presence(line, opened, self._engines)
        try:
            await presence.last()
        finally:
            presence.end()
        await self._engines.close()
        return True


class Presence:
    """A worker while it is connected."""

    def __init__(self, line: Line, opened: Sequence[Engine], engines: Engines) -> None:
        self._line = line
        self._opened = opened
        self._engines = engines
        self._ledger = Ledger(line)
        self._tasks: set[asyncio.Task[None]] = set()
        self._beating = asyncio.create_task(self._beat())
        self._halting: asyncio.Task[None] | None = None
        # What the engines did before is told already, by an earlier line of this worker.
        self._before = engines.usage()

    async def last(self) -> None:
        """Do what the driver says until it says to leave.

        Raises:
            LineBroken: It is gone.
        """
        chain: Chain[Any] | None = None
        stop = Stop()
        while True:
            kind, body = await self._line.read()
            match kind:
                case Kind.JOB:
                    stop = Stop()
                    chain = self._chain(load(body), stop)
                case Kind.ROWS:
                    for packet in load(body):
                        assert chain
                        self._spawn(self._run(packet, chain))
                case Kind.KEPT:
                    self._ledger.kept(int(body))
                case Kind.HALT:
                    stop.ask()
                    self._halting = asyncio.create_task(self._halt(stop))
                case Kind.LEAVE:
                    return

    def end(self) -> None:
        """Leave everything as it is."""
        for task in (self._beating, self._halting, *self._tasks):
            if task:
                task.cancel()

    def _chain(self, job: Job[Any], stop: Stop) -> Chain[Any]:
        tally = Tally(0, 0)
        callers = [Caller(engine, self._ledger, job.seed, job.attempts, tally, stop) for engine in self._opened]
        return job.build(callers)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, packet: Packet, chain: Chain[Any]) -> None:
        row = packet.row
        self._ledger.open(row, packet.failures, packet.known, packet.lent)
        try:
            outcome = await outcome_of(row, chain)
            self._line.send(Kind.ROW, pack(row.index, outcome))
        except Exception as bad:
            self._line.send(Kind.FAULT, fault_of(bad).model_dump_json().encode())
        finally:
            self._ledger.close(row)

    async def _halt(self, stop: Stop) -> None:
        """When no call is under way, what is left of the rows is dropped."""
        await stop.drained()
        for task in [*self._tasks]:
            task.cancel()
        self._line.send(Kind.HALTED)

    async def _beat(self) -> None:
        while True:
            self._line.send(Kind.USAGE, (self._engines.usage() - self._before).model_dump_json().encode())
            await asyncio.sleep(BEAT_SECONDS)
