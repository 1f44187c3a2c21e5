"""The one owner of retries: what is sent again, when, and how often."""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from constitution.engines.base import Held
from constitution.engines.openai.pacing import Pace, Signal
from constitution.engines.openai.refusals import Fault, Reply
from constitution.errors import CallError, ModelError

TRIES = 10
# Each of them takes the whole time that a request is given.
TIMEOUT_TRIES = 3
# What is told "later" this often, while others are let in, would be told so for ever.
WAITS = 100
# Longest time without any success in which a server that only says "later" is believed.
PATIENCE_SECONDS = 1800.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 60.0
# What lasts less is not worth a line on a terminal: most requests held back, and nothing answered.
SHORT_HOLD_SECONDS = 5.0
SHORT_SILENCE_SECONDS = 60.0

GO_ON = "Nothing finished is lost; the same command goes on from here."

Answer = TypeVar("Answer")
Lives = Callable[[], Awaitable[bool]]


class Retrying:
    """Sends requests, again if need be.

    Args:
        pace: How many may be in flight.
        timeout: Seconds after which a request is given up.
        patience: Seconds without success in which a server that only says "later" is believed; None is half an hour.
        lives: Asks the server something small, whether it answers at all.
        alone: Whether no other server may answer. Else nothing is sent again here: a fault is raised as it is, and one
            that would end the run says that nobody listens.
    """

    def __init__(
        self,
        pace: Pace,
        timeout: float,
        patience: float | None = None,
        lives: Lives | None = None,
        alone: bool = True,
    ) -> None:
        self._pace = pace
        self._timeout = timeout
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._lives = lives
        self._alone = alone
        # Requests that ran out of time while nothing was answered, since the last answer.
        self._silences = 0
        self._last_answer = self._last_success = -math.inf
        self._draining = asyncio.Event()
        # Why the server is not to be asked at this time; None if it is.
        self._left_out: str | None = None
        self._held = 0
        self._held_by = ""
        # By the process's own clock: whoever asks what is waited for may be outside of the loop.
        self._held_since = self._silent_since = 0.0

    @property
    def waiting(self) -> str:
        """What keeps requests from being answered, in a line; empty while nothing does for long."""
        now, sent = time.monotonic(), self._pace.taken
        if self._held > sent and now - self._held_since > SHORT_HOLD_SECONDS:
            return f"{self._held_by}; {requests(self._held)} held"
        if self.silence > SHORT_SILENCE_SECONDS:
            asked = f"{requests(sent)} under way, each given up after {self._timeout:g}"
            return f"the server has answered nothing for {self.silence:.0f} seconds; {asked}"
        return ""

    @property
    def silence(self) -> float:
        """Seconds in which requests are under way and none was answered; 0 while there are none."""
        return time.monotonic() - self._silent_since if self._pace.taken else 0.0

    @property
    def places(self) -> int:
        """How many requests the server is sent at once, at this moment."""
        return self._pace.places

    def drain(self) -> None:
        """Let what is sent be answered, and send nothing more."""
        self._draining.set()
        self._pace.dismiss(Held)

    def leave_out(self, said: str) -> None:
        """Send nothing until `let_in`: what waits here for a place, or comes, is another server's to answer.

        Args:
            said: What was wrong.
        """
        self._left_out = said
        self._pace.dismiss(self._elsewhere)

    def let_in(self) -> None:
        """The server may be asked again."""
        self._left_out = None

    async def send(
        self, attempt: Callable[[], Awaitable[Reply]], read: Callable[[Reply], Answer], tries: int = TRIES
    ) -> Answer:
        """Make an attempt, and more of them while they end in a `Fault`; whatever else they raise ends it.

        Who is told "later" (429, or a Retry-After) waits that long, as often as it takes while the server lets others
        in; what runs out of time is tried three times at most, anything else `tries` times. In all cases exponential
        backoff with full jitter comes on top. Who waits holds no place.

        Args:
            attempt: Sends the request, once.
            read: Makes an answer of the reply; may raise a `Fault` too.
            tries: Most attempts that may be at fault.

        Raises:
            CallError: Every attempt was at fault.
            Fault: This one was, or the server is left out, and there are other servers.
            ModelError: Nobody listens any more; the server hangs, as it has answered nothing, not even to others, in
                all the time that a request is given; or it has said only "later" for as long as it is believed.
            Held: It would have to be sent, and nothing is sent any more.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        faults = waits = timeouts = 0
        while True:
            try:
                return await self._once(attempt, read)
            except Fault as bad:
                if not self._alone:
                    raise
                fault = bad
            later = fault.status == 429 or fault.wait is not None
            waits, faults, timeouts = waits + later, faults + (not later), timeouts + fault.timed_out
            wait = (fault.wait or 0.0) + backoff(faults + waits)
            idle = clock() + wait - max(began, self._last_success)
            gone = fault.unreachable and idle > self._timeout
            if faults == tries or waits == WAITS or timeouts == TIMEOUT_TRIES or gone:
                raise given_up(fault, faults + waits)
            if later and idle > self._patience:
                raise ModelError(f"the server lets nothing in any more; it says last: {fault.said}", GO_ON)
            with self._hold(fault):
                await self._sleep(wait)

    async def _hangs(self) -> bool:
        """Whether the server is to be given up, now that nothing was answered while one more request ran out of time.

        A bad server may lose the one or two requests that it is sent at a time. Three tell that the model hangs, even
        if what listens in front of it lives on.
        """
        self._silences += 1
        return self._silences >= TIMEOUT_TRIES or self._lives is None or not await self._lives()

    @contextlib.contextmanager
    def _hold(self, fault: Fault) -> Iterator[None]:
        """Within it, one more request waits because of this."""
        if not self._held:
            self._held_since = time.monotonic()
        self._held += 1
        self._held_by = f"the server says {fault.said}" if fault.status else fault.said
        try:
            yield
        finally:
            self._held -= 1

    def _check_open(self) -> None:
        if self._draining.is_set():
            raise Held
        if self._left_out is not None:
            raise self._elsewhere()

    def _elsewhere(self) -> Fault:
        return Fault(self._left_out or "", unreachable=True)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()

    async def _once(self, attempt: Callable[[], Awaitable[Reply]], read: Callable[[Reply], Answer]) -> Answer:
        self._check_open()
        signal: Signal = "none"
        ticket = await self._pace.enter()
        try:
            # It may have closed in the moment in which the place was given.
            self._check_open()
        except (Held, Fault):
            self._pace.leave(ticket, signal)
            raise
        clock = asyncio.get_running_loop().time
        sent = clock()
        if self._pace.taken == 1:
            self._silent_since = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                reply = await attempt()
            self._last_answer, self._silent_since, self._silences = clock(), time.monotonic(), 0
            answer = read(reply)
            signal = "room"
            self._last_success = self._last_answer
            return answer
        except TimeoutError:
            signal = "overload"
            if self._last_answer <= sent and await self._hangs():
                if not self._alone:
                    said = f"it hangs: no answer in {self._timeout:g} seconds, to this request or any other"
                    raise Fault(said, unreachable=True, timed_out=True) from None
                raise _hung(self._timeout) from None
            raise Fault(f"no answer in {self._timeout:g} seconds", timed_out=True) from None
        except Fault as bad:
            signal = "overload" if bad.overload else "none"
            raise
        finally:
            self._pace.leave(ticket, signal)


def backoff(number: int) -> float:
    """Seconds to wait after so many faults: exponential, with full jitter."""
    # How long is no part of any answer: it needs no seed.
    longest = min(FIRST_BACKOFF_SECONDS * 2 ** (number - 1), LONGEST_BACKOFF_SECONDS)
    return random.uniform(0.0, longest)


def _hung(seconds: float) -> ModelError:
    said = f"the server hangs: no answer in {seconds:g} seconds, to this request or any other"
    return ModelError(said, f"Restart it; if its answers take longer than that, give more time with --timeout. {GO_ON}")


def given_up(fault: Fault, times: int) -> CallError | ModelError:
    """What becomes of a request whose last fault was this."""
    if fault.unreachable:
        return ModelError(f"the server is gone: {fault.said} (tried {times} times)", GO_ON)
    return CallError(f"tried {times} times; the server last: {fault.said}")


def requests(number: int) -> str:
    """So many of them, in words."""
    return "1 request" if number == 1 else f"{number} requests"
