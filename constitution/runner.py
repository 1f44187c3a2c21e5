"""Run chains over rows: workers pull rows, and one boundary catches what fails."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from constitution.counts import Counts
from constitution.engines.base import Engine, Held, Usage
from constitution.errors import CallError, ConstitutionError, ContextOverflow
from constitution.records import Failure, Filtered, Record, Row
from constitution.run import Outcome, Run
from constitution.tasks import task_group

WATCH_SECONDS = 0.5


class State(Record):
    """How far a run is.

    Attributes:
        counts: Rows.
        rounds: Rounds that are behind it; a settled row counts with all its rounds. None but in the SL stage.
        rounds_expected: Rounds of all rows.
        calls: Model calls that are behind it; a settled row counts with all its calls.
        calls_expected: Model calls of all rows.
        calls_made: Calls that this start made, not those that it found in the journal.
        usage: What the engines did since this start began with the stage.
        owed: Rows that this start has yet to run.
    """

    counts: Counts
    rounds: int | None
    rounds_expected: int | None
    calls: int
    calls_expected: int
    calls_made: int
    usage: Usage
    owed: int


AnyRow = TypeVar("AnyRow", bound=Row)
Result = TypeVar("Result")
# One row's way to its records.
Chain = Callable[[AnyRow], Coroutine[Any, Any, Sequence[Outcome]]]
# Told how far the run is: twice a second, and when a row is finished.
Watch = Callable[[State], None]


class Stopped(Exception):
    """A run ended because it was asked to; what was under way is finished and journalled."""


class Stop:
    """A wish to end a run gently: calls under way are finished and journalled, and no new one is made.

    Attributes:
        asked: Whether somebody wishes it.
        why: What the run then ends with, if it is an error; None: somebody asked.
        under_way: Model calls that have begun, and whose answers are not on the disk yet.
    """

    def __init__(self) -> None:
        self.asked = False
        self.why: ConstitutionError | None = None
        self.under_way = 0
        self._drains: list[Callable[[], None]] = []
        self._drained = asyncio.Event()

    def ask(self, why: ConstitutionError | None = None) -> None:
        """End the run as soon as the calls under way have ended."""
        self.asked, self.why = True, self.why or why
        for drain in self._drains:
            drain()
        self._look()

    def tell(self, engine: Engine) -> None:
        """Have an engine send nothing more once the end is asked for, if it can."""
        drain = getattr(engine, "drain", None)
        if drain and drain not in self._drains:
            self.on_ask(drain)

    def on_ask(self, drain: Callable[[], None]) -> None:
        """Have this called when the end is asked for."""
        self._drains.append(drain)

    def begin(self, number: int = 1) -> None:
        """Something is under way that is waited for."""
        self.under_way += number

    def end(self, number: int = 1) -> None:
        """It has ended."""
        self.under_way -= number
        self._look()

    async def call(self, call: Coroutine[Any, Any, Result]) -> Result:
        """Make a model call; once the end is asked for, never return instead, until the run cancels it."""
        if self.asked:
            call.close()
        else:
            self.begin()
            try:
                return await call
            except Held:
                pass
            finally:
                self.end()
        never: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        return await never

    async def drained(self) -> None:
        """Wait until the end was asked for and no call is under way."""
        await self._drained.wait()

    def _look(self) -> None:
        if self.asked and not self.under_way:
            self._drained.set()


@dataclass
class Tally:
    """What has been done for rows that are not settled yet, and what a row takes in all.

    Attributes:
        rows: Rows of the input.
        calls_per_row: Model calls that a row takes.
        rounds_per_row: None but in the SL stage.
        retrying: Whether failed rows are run again: until they are done they count with the calls that are behind them.
    """

    rows: int
    calls_per_row: int
    rounds_per_row: int | None = None
    retrying: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)

    def begin(self, row: str) -> None:
        """The row's chain begins: it passes the calls that an earlier turn, or an earlier start, made once more."""
        self.settle(row)

    def count(self, row: str, step: str) -> None:
        """A call of a row is behind it."""
        self.calls[row] += 1
        # Of several revisions of a round, the first.
        self.rounds[row] += step.startswith("revise") and "/" not in step

    def settle(self, row: str) -> None:
        """What was counted of it is forgotten: with an outcome the row counts with all its calls."""
        self.calls.pop(row, None)
        self.rounds.pop(row, None)

    def state(self, run: Run, usage: Usage) -> State:
        """How far the run is now."""
        counts = run.counts(self.rows)
        open_rows = counts.pending + (counts.failed if self.retrying else 0)
        settled, per_row = counts.input - open_rows, self.rounds_per_row
        return State(
            counts=counts,
            rounds=None if per_row is None else settled * per_row + self.rounds.total(),
            rounds_expected=None if per_row is None else self.rows * per_row,
            calls=settled * self.calls_per_row + self.calls.total(),
            calls_expected=self.rows * self.calls_per_row,
            calls_made=run.calls_made,
            usage=usage,
            owed=counts.pending if run.owed is None else run.owed,
        )


async def run_rows(
    rows: Iterator[AnyRow],
    chain: Chain[AnyRow],
    run: Run,
    tally: Tally,
    usage: Callable[[], Usage],
    concurrency: int,
    watch: Watch | None,
    stop: Stop,
    seen: Callable[[Sequence[Outcome]], None] | None = None,
) -> None:
    """Run a chain over every row that has no outcome yet; its records are journalled as soon as it ends.

    Args:
        rows: Pulled one at a time by as many workers as there are rows in flight.
        chain: A chain that ends without records leaves its row pending.
        run: Open for writing.
        tally: For progress.
        usage: The engines' counters, for progress.
        concurrency: Rows in flight.
        watch: For progress.
        stop: Ends the run early.
        seen: Told of each row's records once they are journalled; may end the run by raising.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
        Stopped: The run was asked to end before its rows did, and nobody said why.
    """
    before = usage()

    def tell() -> None:
        if watch:
            watch(tally.state(run, usage() - before))

    async def work() -> None:
        for row in rows:
            if not run.owes(row.index):
                continue
            tally.begin(row.id)
            outcome = await outcome_of(row, chain)
            for record in outcome:
                run.keep(record)
            if outcome:
                tally.settle(row.id)
                if seen:
                    seen(outcome)
            tell()

    async def heartbeat() -> None:
        while True:
            tell()
            await run.flushed()
            await asyncio.sleep(WATCH_SECONDS)

    async def end_early() -> None:
        await stop.drained()
        for worker in workers:
            worker.cancel()

    workers: list[asyncio.Task[None]] = []
    ending = asyncio.create_task(end_early())
    try:
        async with task_group() as group:
            beating = group.create_task(heartbeat())
            workers += [group.create_task(work()) for _ in range(min(concurrency, tally.rows))]
            await asyncio.wait(workers)
            beating.cancel()
        await run.flushed()
    finally:
        ending.cancel()
    if stop.asked:
        raise stop.why or Stopped


async def outcome_of(row: AnyRow, chain: Chain[AnyRow]) -> Sequence[Outcome]:
    """Run one row to its outcome. The one place that catches `CallError`."""
    try:
        return await chain(row)
    except ContextOverflow as bad:
        message = f"{bad.step}: {bad.message}"
        return [Filtered(id=row.id, index=row.index, reason="context overflow", message=message)]
    except CallError as bad:
        failure = Failure(
            id=row.id,
            index=row.index,
            step=bad.step,
            kind=type(bad).__name__,
            message=bad.message,
            control_strings=bad.control_strings,
        )
        return [failure]
