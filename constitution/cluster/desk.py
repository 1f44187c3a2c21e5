"""Where workers report: the one place that hands rows out and hears what came of them."""

import asyncio
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from constitution.cluster.frames import Kind, Line, LineBroken
from constitution.cluster.messages import Fault, error_of
from constitution.cluster.reception import Reception
from constitution.cluster.shift import Shift, unpack
from constitution.crew import Known
from constitution.engines.base import Usage
from constitution.records import Call

# A worker says something every second; one that is silent for so long hangs, or its machine is gone without a word.
SILENT_SECONDS = 60.0


@dataclass(eq=False)
class _Worker:
    """A worker that has its models open."""

    line: Line
    usage: Usage = field(default_factory=Usage)
    # Calls that were heard of, and those of them that it was told are on the disk.
    heard: int = 0
    told: int = 0
    telling: asyncio.Task[None] | None = None
    # Whether it was asked to make no more calls, and makes none.
    halted: bool = False


class Desk:
    """A server for workers. Everything happens on one event loop.

    Args:
        host: The address to listen on.

    Attributes:
        port: Where it listens.
        reception: Where workers come in.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._server: asyncio.Server | None = None
        self._workers: dict[Line, _Worker] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._gone = Usage()
        self._shift: Shift | None = None
        self._changed: Callable[[], None] = lambda: None
        self._fault: asyncio.Future[BaseException] | None = None
        self.reception = Reception()
        self.port = 0

    async def start(self) -> None:
        """Listen; `port` tells where."""
        self._server = await asyncio.start_server(self._accept, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def expect(self, replicas: int) -> "asyncio.Future[list[Known]]":
        """Wait for the workers of a new pool; see `Reception.expect`."""
        self.dismiss()
        self._fault = asyncio.get_running_loop().create_future()
        return self.reception.expect(replicas)

    def came(self) -> bool:
        """Whether a worker has reported since this was last asked; may be asked on any thread."""
        arrivals, self.reception.arrivals = self.reception.arrivals, 0
        return arrivals > 0

    def dismiss(self) -> None:
        """Send all workers home."""
        self.reception.token = b""
        for line in [*self._workers]:
            line.send(Kind.LEAVE)
            line.close()

    async def close(self) -> None:
        """Send all workers home, and hang up."""
        self.dismiss()
        if self._server:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def fail(self, error: BaseException) -> None:
        """End what waits for workers with an error."""
        if not self.reception.fail(error) and self._fault and not self._fault.done():
            self._fault.set_result(error)

    async def work(self, shift: Shift, changed: Callable[[], None]) -> None:
        """Have all rows of a shift run.

        Raises:
            ConstitutionError: What a worker cannot go on from.
        """
        assert self._fault
        self._shift, self._changed = shift, changed
        self._done = asyncio.get_running_loop().create_future()
        try:
            for worker in self._workers.values():
                worker.halted = False
                worker.line.send_object(Kind.JOB, shift.job)
                self._refill(worker)
            self._look()
            await asyncio.wait([self._done, self._fault], return_when=asyncio.FIRST_COMPLETED)
            if self._fault.done():
                raise self._fault.result()
        finally:
            self._shift = None

    def halt(self) -> None:
        """Have workers make no new call, and say when those under way have ended."""
        for worker in self._workers.values():
            worker.line.send(Kind.HALT)

    @property
    def usage(self) -> Usage:
        """The counters of all workers, those that are gone included."""
        usage = sum((worker.usage for worker in self._workers.values()), self._gone)
        if self.reception.unfit:
            usage = usage.model_copy(update={"waiting": (*usage.waiting, self.reception.unfit)})
        if not self._workers:
            nobody = "the cluster: no worker is there; rows go on as soon as one is"
            usage = usage.model_copy(update={"waiting": (*usage.waiting, nobody)})
        return usage

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line = Line(reader, writer)
        try:
            await self._serve(line)
        except (LineBroken, TimeoutError, asyncio.CancelledError):
            pass
        except Exception as bad:
            # A bug, or the disk: whoever waits for the rows is told, and not asyncio's log.
            self.fail(bad)
        finally:
            self._lose(line)
            line.close()
            self._serving.discard(task)

    async def _serve(self, line: Line) -> None:
        if not await self.reception.receive(line, others=bool(self._workers)):
            return
        worker = self._workers[line] = _Worker(line)
        if self._shift:
            line.send_object(Kind.JOB, self._shift.job)
            self._refill(worker)
        while True:
            kind, body = await asyncio.wait_for(line.read(), SILENT_SECONDS)
            self._hear(worker, kind, body)

    def _hear(self, worker: _Worker, kind: Kind, body: bytes) -> None:
        shift = self._shift
        if kind is Kind.USAGE:
            worker.usage = Usage.model_validate_json(body)
        elif kind is Kind.FAULT:
            self.fail(error_of(Fault.model_validate_json(body)))
        elif shift is None:
            # A run that has ended with an error hears no more.
            return
        elif kind is Kind.CALL:
            worker.heard += 1
            shift.call(worker.line, Call.model_validate_json(body[1:]), made=body[:1] == b"1")
            if worker.telling is None:
                worker.telling = asyncio.create_task(self._tell_kept(worker, shift))
        elif kind is Kind.ROW:
            index, outcomes = unpack(body)
            shift.finish(worker.line, index, outcomes)
            self._refill(worker)
            self._changed()
            self._look()
        elif kind is Kind.HALTED:
            worker.halted = True
            shift.halt(worker.line)

    async def _tell_kept(self, worker: _Worker, shift: Shift) -> None:
        """Once calls are on the disk, say so; those that come meanwhile share the next flush."""
        try:
            while worker.told < worker.heard:
                heard = worker.heard
                await shift.run.flushed()
                worker.told = heard
                worker.line.send(Kind.KEPT, b"%d" % heard)
        except Exception as bad:
            # The disk: it belongs to whoever waits for the rows.
            self.fail(bad)
        finally:
            worker.telling = None

    def _refill(self, worker: _Worker) -> None:
        shift = self._shift
        if shift is None or worker.halted:
            return
        packets = shift.hand_out(worker.line, self._share(shift) - shift.out(worker.line))
        if packets:
            worker.line.send_object(Kind.ROWS, packets)

    def _share(self, shift: Shift) -> int:
        """Rows in flight of one worker: few rows are shared by all workers, also towards the end."""
        left = shift.left
        return min(shift.job.concurrency, max(1, math.ceil(left / max(self.reception.replicas, len(self._workers)))))

    def _lose(self, line: Line) -> None:
        worker = self._workers.pop(line, None)
        if not worker:
            return
        self._gone += worker.usage.model_copy(update={"waiting": ()})
        if worker.telling:
            worker.telling.cancel()
        if self._shift:
            self._shift.lose(line)
            for other in self._workers.values():
                self._refill(other)
            self._changed()
            self._look()

    def _look(self) -> None:
        if self._shift and self._shift.ended and not self._done.done():
            self._done.set_result(None)
