"""The one owner of retries: what is sent again, when, and how often."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from constitution.engines.base import Held
from constitution.engines.openai.pacing import Pace, Signal
from constitution.engines.openai.refusals import Fault
from constitution.errors import CallError, ModelError

TRIES = 10
# What is told "later" this often, while others are let in, would be told so for ever.
WAITS = 100
# Longest time without any success in which a server that only says "later" is believed.
PATIENCE_SECONDS = 1800.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 60.0

GO_ON = "Nothing finished is lost; the same command goes on from here."

Answer = TypeVar("Answer")


class Retrying:
    """Sends requests, again if need be.

    Args:
        pace: How many may be in flight.
        timeout: Seconds after which a request is given up.
    """

    def __init__(self, pace: Pace, timeout: float) -> None:
        self._pace = pace
        self._timeout = timeout
        self._last_success = 0.0
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Let what is sent be answered, and send nothing more."""
        self._draining.set()
        self._pace.dismiss(Held)

    async def send(self, attempt: Callable[[], Awaitable[Answer]], tries: int = TRIES) -> Answer:
        """Make an attempt, and more of them while they end in a `Fault`; whatever else they raise ends it.

        Who is told "later" (429, or a Retry-After) waits that long, as often as it takes while the server lets others
        in; anything else is tried `tries` times. In both cases exponential backoff with full jitter comes on top. Who
        waits holds no place.

        Raises:
            CallError: Every attempt was at fault.
            ModelError: Nobody listens any more, or the server has said nothing but "later" for half an hour.
            Held: It would have to be sent, and nothing is sent any more.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        faults = waits = 0
        while True:
            try:
                return await self._once(attempt)
            except Fault as bad:
                fault = bad
            later = fault.status == 429 or fault.wait is not None
            waits, faults = waits + later, faults + (not later)
            if faults == tries or waits == WAITS:
                raise _given_up(fault, faults + waits)
            wait = (fault.wait or 0.0) + _backoff(faults + waits)
            if later and clock() + wait - max(began, self._last_success) > PATIENCE_SECONDS:
                raise ModelError(f"the server lets nothing in any more; it says last: {fault.said}", GO_ON)
            await self._sleep(wait)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()

    async def _once(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        if self._draining.is_set():
            raise Held
        signal: Signal = "none"
        ticket = await self._pace.enter()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await attempt()
            signal = "room"
            self._last_success = asyncio.get_running_loop().time()
            return answer
        except TimeoutError:
            signal = "overload"
            raise Fault(f"no answer in {self._timeout:g} seconds") from None
        except Fault as bad:
            signal = "overload" if bad.overload else "none"
            raise
        finally:
            self._pace.leave(ticket, signal)


def _backoff(number: int) -> float:
    # How long is no part of any answer: it needs no seed.
    longest = min(FIRST_BACKOFF_SECONDS * 2 ** (number - 1), LONGEST_BACKOFF_SECONDS)
    return random.uniform(0.0, longest)


def _given_up(fault: Fault, times: int) -> CallError | ModelError:
    if fault.unreachable:
        return ModelError(f"the server is gone: {fault.said} (tried {times} times)", GO_ON)
    return CallError(f"tried {times} times; the server last: {fault.said}")
