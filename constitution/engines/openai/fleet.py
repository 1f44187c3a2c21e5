"""Several servers of one model as one engine.

Each call is given to one of them (`routing.py`) and, where that does not answer it, to another. A run of one server
ends when that is gone, refuses the key, or has no such model; here, such a server is left out and looked at again now
and then, and the run ends when all are. A server that says "later" is left alone for as long as it says, and the others
are not. Each has its own count of how many requests it is sent at once (`pacing.py`).
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from constitution.engines.base import Determinism, Held, Usage
from constitution.engines.openai.callers import Callers
from constitution.engines.openai.engine import OpenAIEngine
from constitution.engines.openai.lanes import Lane
from constitution.engines.openai.refusals import Fault
from constitution.engines.openai.retrying import (
    FIRST_BACKOFF_SECONDS,
    GO_ON,
    PATIENCE_SECONDS,
    TIMEOUT_TRIES,
    TRIES,
    WAITS,
    backoff,
    given_up,
    requests,
)
from constitution.engines.openai.routing import Load, Mark, marks, pick
from constitution.engines.openai.same_model import differing, told_of
from constitution.engines.openai.servers import Listing, check_listed
from constitution.errors import ModelError
from constitution.records import Choice, Completion, Message, Sampling

Answer = TypeVar("Answer")


class Fleet:
    """See the module's docstring.

    Determinism is best effort, as of each server: which one answers is no part of a call.

    Args:
        engines: One for each server, each told that it is not alone.
        listings: What each server says of its models.
        route: The place of the server to ask, among those that may be asked.
    """

    determinism: Determinism = "best effort"

    def __init__(
        self,
        engines: Sequence[OpenAIEngine],
        listings: Sequence[Listing | None],
        route: Callable[[Sequence[Load]], int] = pick,
    ) -> None:
        addresses = sorted(str(engine.server.address) for engine in engines)
        self.votes = engines[0].votes
        self.identity = engines[0].identity.model_copy(update={"endpoint": ", ".join(addresses)})
        self._lanes = [
            Lane(engine, told_of(engine.server, listing)) for engine, listing in zip(engines, listings, strict=True)
        ]
        self._timeout = engines[0].server.settings.timeout
        self._route = route
        self._callers = Callers()
        self._draining = False
        self._last_success = -math.inf
        # Calls that no server may be sent at this moment; woken when one may.
        self._held = 0
        self._news = asyncio.Event()
        self._watching: dict[Lane, asyncio.Task[None]] = {}

    @property
    def usage(self) -> Usage:
        """Tokens of all servers together, and a line for each that does not answer."""
        total = sum((lane.engine.usage for lane in self._lanes), Usage())
        waiting = [line for lane in self._lanes if (line := lane.waiting)]
        if waiting and self._held:
            waiting.append(f"no server is left to ask; {requests(self._held)} held")
        return total.model_copy(update={"waiting": tuple(waiting)})

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """As `OpenAIEngine.generate`.

        Raises:
            CallError: A server refused this request, or those that were asked were at fault every time.
            ContextOverflow: The messages and their answer do not fit.
            ModelError: No server is left.
        """
        lane, completion = await self._ask(messages, lambda engine: engine.generate(messages, sampling, seed))
        # The next call of a chain goes on from the answer.
        lane.remember(marks([*messages, Message(role="assistant", content=completion.text)]))
        return completion

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """As `OpenAIEngine.choose`; where answers are sampled, all are one server's.

        Raises:
            As `generate`.
        """
        return (await self._ask(messages, lambda engine: engine.choose(messages, options, seed)))[1]

    def drain(self) -> None:
        """Send nothing that was not sent yet, nor anything again: such calls raise `Held`."""
        self._draining = True
        for lane in self._lanes:
            lane.engine.drain()
        self._tell()

    async def aclose(self) -> None:
        """Cancel the calls that are in flight, and close the connections."""
        self._callers.cancel()
        for task in self._watching.values():
            task.cancel()
        if self._watching:
            await asyncio.wait(self._watching.values())
        for lane in self._lanes:
            await lane.engine.aclose()

    async def _ask(
        self, messages: Sequence[Message], call: Callable[[OpenAIEngine], Awaitable[Answer]]
    ) -> tuple[Lane, Answer]:
        """Make a call at one server after the other, until one answers; also tells which.

        A server where nobody listens does not count; limits are otherwise those of `Retrying.send`. Where every server
        that may be asked was at fault, it waits before it begins anew.
        """
        clock = asyncio.get_running_loop().time
        began, marked = clock(), marks(messages)
        faults = waits = timeouts = 0
        tried: set[Lane] = set()
        with self._callers.one():
            while True:
                lane = await self._lane(marked, tried, began)
                try:
                    answer = await self._at(lane, marked, call)
                except Fault as bad:
                    fault = bad
                except ModelError as bad:
                    self._leave_out(lane, bad.message, bad)
                    continue
                else:
                    self._last_success = clock()
                    lane.answered()
                    return lane, answer
                if fault.unreachable:
                    if not lane.out:
                        self._leave_out(lane, fault.said)
                    continue
                lane.failed(fault, clock())
                later = fault.status == 429 or fault.wait is not None
                waits, faults, timeouts = waits + later, faults + (not later), timeouts + fault.timed_out
                if faults == TRIES or waits == WAITS or timeouts == TIMEOUT_TRIES:
                    raise given_up(fault, faults + waits)
                tried.add(lane)
                able = [one for one in self._lanes if one.takes(clock())]
                if able and tried.issuperset(able):
                    tried.clear()
                    await self._sleep(backoff(faults + waits))

    async def _at(
        self, lane: Lane, marked: Sequence[Mark], call: Callable[[OpenAIEngine], Awaitable[Answer]]
    ) -> Answer:
        try:
            with lane.asked(marked):
                return await call(lane.engine)
        finally:
            if self._held:
                # One on trial takes the next.
                self._tell()

    async def _lane(self, marked: Sequence[Mark], tried: set[Lane], began: float) -> Lane:
        """The server to ask; waits until there is one.

        Raises:
            ModelError: All are left out, and either each for what it says, or nothing was answered for as long as a
                request is given; or nothing is let in for as long as servers are believed that say "later".
            Held: Nothing is sent any more.
        """
        clock = asyncio.get_running_loop().time
        while True:
            if self._draining:
                raise Held
            now = clock()
            if able := [lane for lane in self._lanes if lane.takes(now)]:
                able = [lane for lane in able if lane not in tried] or able
                return able[self._route([lane.load(marked) for lane in able])]
            all_out = all(lane.out for lane in self._lanes)
            patience = self._timeout if all_out else PATIENCE_SECONDS
            until = max(began, self._last_success) + patience
            if now >= until or all(lane.error for lane in self._lanes):
                raise self._nobody(all_out)
            opening = [lane.opens for lane in self._lanes if not lane.out and lane.opens > now]
            self._held += 1
            try:
                await self._sleep(min([until, *opening]) - now)
            finally:
                self._held -= 1

    def _leave_out(self, lane: Lane, said: str, error: ModelError | None = None) -> None:
        if lane.leave_out(said, error) and (lane not in self._watching or self._watching[lane].done()):
            self._watching[lane] = asyncio.create_task(self._watch(lane))
        # Who waits may have waited for this one.
        self._tell()

    async def _watch(self, lane: Lane) -> None:
        """Look at a server that is left out, more and more seldom, until it seems to be back."""
        looks = lane.times
        while lane.out:
            await asyncio.sleep(FIRST_BACKOFF_SECONDS + backoff(looks))
            looks += 1
            try:
                listing = await check_listed(lane.engine.server)
            except ModelError:
                continue
            if names := differing(told_of(lane.engine.server, listing), lane.tells):
                lane.leave_out(f"it serves another model now ({', '.join(names)})")
            elif lane.out:
                lane.let_in()
        self._tell()

    def _nobody(self, all_out: bool) -> ModelError:
        told = "".join(f"\n  {lane.address}: {lane.said}" for lane in self._lanes)
        if all_out:
            errors = [lane.error for lane in self._lanes if lane.error]
            hint = errors[0].hint if len(errors) == len(self._lanes) else GO_ON
            return ModelError(f"all {len(self._lanes)} servers are gone:{told}", hint)
        return ModelError(f"no server lets anything in any more; they say last:{told}", GO_ON)

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until there is news."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
