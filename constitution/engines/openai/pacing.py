"""How many requests are in flight: additive increase, multiplicative decrease.

As in TCP, but cut in proportion to how many requests of a window met an overload (as DCTCP does, Alizadeh et al. 2010).
Halving at every single one would keep 14 requests of 256 in flight at a server that fails one in a hundred for reasons
of its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

# What a request says of the server: it has room; it has too much to do; nothing.
Signal = Literal["room", "overload", "none"]


class Pace:
    """Places for requests. Begins with all of them.

    Args:
        most: The most places there ever are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size: float = most
        self._taken = self._roomy = self._overloaded = self._cuts = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def places(self) -> int:
        """How many there are now, at least 1."""
        return int(self._size)

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken

    async def enter(self) -> int:
        """Wait for a place, first come, first served.

        Returns:
            A ticket for `leave`.
        """
        if self._taken < self.places:
            self._taken += 1
            return self._cuts
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and not turn.exception():
                # The place was given in the same moment.
                self._taken -= 1
                self._pass_on()
            raise
        return self._cuts

    def dismiss(self, error: Callable[[], Exception]) -> None:
        """Send away whoever waits for a place, each with an error of its own."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error())

    def leave(self, ticket: int, signal: Signal) -> None:
        """Give the place back, and tell how it went.

        After as many signals as there are places, a window: a window of successes adds a place, one of overloads takes
        half of them, a mixed one does both in proportion. What was sent before the last cut tells of the old number,
        and does not count.
        """
        self._taken -= 1
        if ticket == self._cuts:
            self._roomy += signal == "room"
            self._overloaded += signal == "overload"
            if self._roomy + self._overloaded >= self.places:
                self._resize()
        self._pass_on()

    def _resize(self) -> None:
        overloaded = self._overloaded / (self._roomy + self._overloaded)
        self._size = min(max(self._size * (1 - overloaded / 2) + (1 - overloaded), 1.0), self._most)
        self._cuts += self._overloaded > 0
        self._roomy = self._overloaded = 0

    def _pass_on(self) -> None:
        while self._waiting and self._taken < self.places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
