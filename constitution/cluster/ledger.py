"""The journal as a worker's chain sees it: what the driver knew of a row came with the row, what is new goes there."""

import asyncio
from collections import deque
from collections.abc import Sequence

from constitution.cluster.frames import Kind, Line
from constitution.records import Call, Row


class Ledger:
    """A `calls.Book` at the end of a line.

    Args:
        line: To the driver.

    Attributes:
        failures: How often each row that is here failed on earlier starts, by id.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self.failures: dict[str, int] = {}
        self._known: dict[str, dict[tuple[str, str], Call]] = {}
        # Another run's: they are not in this run's journal yet.
        self._lent: dict[str, dict[tuple[str, str], Call]] = {}
        self._sent = self._kept = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def open(self, row: Row, failures: int, known: Sequence[Call], lent: Sequence[Call]) -> None:
        """A row is here."""
        self.failures[row.id] = failures
        self._known[row.id] = {(call.step, call.digest): call for call in known}
        self._lent[row.id] = {(call.step, call.digest): call for call in lent}

    def close(self, row: Row) -> None:
        """A row is finished."""
        for table in (self.failures, self._known, self._lent):
            table.pop(row.id, None)

    def keep(self, record: Call, made: bool = True) -> None:
        """Send a call to the driver; `made` here, or another run's."""
        self._sent += 1
        self._line.send(Kind.CALL, (b"1" if made else b"0") + record.model_dump_json().encode())

    async def flushed(self) -> None:
        """Wait until the driver has all that was sent on its disk."""
        if self._kept >= self._sent:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._sent, done))
        await done

    def kept(self, number: int) -> None:
        """The driver has so many of the calls on its disk."""
        self._kept = number
        while self._waiting and self._waiting[0][0] <= number:
            _, done = self._waiting.popleft()
            if not done.done():
                done.set_result(None)

    def find(self, row: Row, step: str, digest: str) -> Call | None:
        """See `calls.Book`."""
        own = self._known.get(row.id, {}).get((step, digest))
        lent = None if own else self._lent.get(row.id, {}).get((step, digest))
        if lent:
            self._known[row.id][step, digest] = lent
            self.keep(lent, made=False)
        return own or lent
