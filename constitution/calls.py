"""Calls of a row's chain to a model: looked up in the journal first, and on the disk before the answer is used."""

import math
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from constitution.caps import Spending
from constitution.compare import Weigh
from constitution.digests import derive_seed, digest
from constitution.engines.base import Engine, Identity, Rewarding
from constitution.errors import CallError, EmptyCompletion, ModelError
from constitution.records import Call, Choice, Completion, Message, Reward, Row, Sampling
from constitution.revise import Ask
from constitution.reward_judge import Rate
from constitution.runner import Stop, Tally

Result = TypeVar("Result")


class Book(Protocol):
    """Where a row's finished calls are found, and kept: the run, or on a cluster's worker the line to it.

    Attributes:
        failures: How often each row failed on earlier starts, by id.
    """

    @property
    def failures(self) -> Mapping[str, int]: ...  # noqa: D102

    def find(self, row: Row, step: str, digest: str) -> Call | None:
        """The kept call with this very question, if there is one."""

    def keep(self, record: Call) -> None:
        """Keep a finished call."""

    async def flushed(self) -> None:
        """Wait until all that was kept so far is on the disk."""


@dataclass(frozen=True)
class Caller:
    """One model, as the rows of a run call it.

    Attributes:
        engine: Makes the calls; closed already where all of them are in the journal.
        run: Where finished calls are kept.
        seed: The run's.
        attempts: How often a call that says nothing is asked again, with another seed; a row that failed on an earlier
            start gets as many again.
        tally: Counts the calls.
        stop: Once it is asked for, no new call is made.
        spending: Holds the caps; None: there are none.
    """

    engine: Engine
    run: Book
    seed: int
    attempts: int
    tally: Tally
    stop: Stop
    spending: Spending | None = None

    def __post_init__(self) -> None:
        """The engine is to send nothing more once the run is to end."""
        self.stop.tell(self.engine)

    def ask(self, row: Row, sampling: Sampling) -> Ask:
        """One row's way to `Engine.generate`."""
        attempts = self.attempts * (1 + self.run.failures.get(row.id, 0))

        async def ask(step: str, messages: Sequence[Message]) -> Completion:
            for attempt in range(attempts):
                seed = derive_seed("call", self.seed, row.id, step, attempt)
                key = _key(self.engine.identity, messages, sampling.model_dump(), seed)
                kept = self.run.find(row, step, key)
                completion = kept.completion if kept else None
                if completion is None:

                    async def made(seed: int = seed, key: str = key) -> Completion:
                        clock = _Clock()
                        with _named(step):
                            answer = await self.engine.generate(messages, sampling, seed)
                        await self._keep(
                            Call(
                                row=row.id,
                                index=row.index,
                                step=step,
                                digest=key,
                                completion=answer,
                                began=clock.began,
                                seconds=clock.seconds(),
                                model=self.engine.identity.model,
                                reused_tokens=answer.reused_tokens,
                            ),
                            messages,
                        )
                        return answer

                    completion = await self._made(made(), messages, sampling.max_tokens)
                if completion.text:
                    self.tally.count(row.id, step)
                    return completion
            with _named(step):
                raise EmptyCompletion(f"the model said nothing, {attempts} times")

        return ask

    def weigh(self, row: Row) -> Weigh:
        """One row's way to `Engine.choose`; what is not a finite number becomes None."""

        async def weigh(step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
            key = _key(self.engine.identity, messages, "choose", list(options))
            seed = derive_seed("choose", self.seed, row.id, step)
            # Probabilities are what they are; sampled votes are those of a seed.
            sampled_key = digest([key, seed])
            kept = self.run.find(row, step, key) or self.run.find(row, step, sampled_key)
            choice = kept.choice if kept else None
            if choice is None:

                async def made() -> Choice:
                    clock = _Clock()
                    with _named(step):
                        told = await self.engine.choose(messages, options, seed)
                    finite = [None if value is None or not math.isfinite(value) else value for value in told.logprobs]
                    answer = told.model_copy(update={"logprobs": tuple(finite)})
                    found_by = key if answer.sampled is None else sampled_key
                    await self._keep(
                        Call(
                            row=row.id,
                            index=row.index,
                            step=step,
                            digest=found_by,
                            choice=answer,
                            began=clock.began,
                            seconds=clock.seconds(),
                            model=self.engine.identity.model,
                            reused_tokens=answer.reused_tokens,
                        ),
                        messages,
                    )
                    return answer

                choice = await self._made(made(), messages, None)
            self.tally.count(row.id, step)
            return choice

        return weigh

    def rate(self, row: Row) -> Rate:
        """One row's way to `Rewarding.reward`."""

        async def rate(step: str, messages: Sequence[Message], response: str) -> Reward:
            key = _key(self.engine.identity, messages, "reward", response)
            kept = self.run.find(row, step, key)
            reward = kept.reward if kept else None
            if reward is None:
                whole = [*messages, Message(role="assistant", content=response)]

                async def made() -> Reward:
                    clock = _Clock()
                    with _named(step):
                        if not callable(getattr(self.engine, "reward", None)):
                            raise ModelError(f"the engine {self.engine.identity.engine} gives no rewards")
                        answer = await cast(Rewarding, self.engine).reward(messages, response)
                        if not math.isfinite(answer.value):
                            raise CallError(f"the reward is no finite number: {answer.value}")
                    await self._keep(
                        Call(
                            row=row.id,
                            index=row.index,
                            step=step,
                            digest=key,
                            reward=answer,
                            began=clock.began,
                            seconds=clock.seconds(),
                            model=self.engine.identity.model,
                            reused_tokens=answer.reused_tokens,
                        ),
                        whole,
                    )
                    return answer

                # Nothing is sampled: all that it can take is what it reads.
                reward = await self._made(made(), whole, 0)
            self.tally.count(row.id, step)
            return reward

        return rate

    async def _made(self, call: Coroutine[Any, Any, Result], messages: Sequence[Message], answer: int | None) -> Result:
        """Make a call, once it fits the caps; `answer` is the most tokens of what is generated."""
        if self.spending is None:
            return await self.stop.call(call)
        return await self.spending.within(self.stop, self.engine, messages, answer, call)

    async def _keep(self, call: Call, messages: Sequence[Message]) -> None:
        """Only what is on the disk is used: what follows from an answer must never outlive it."""
        self.run.keep(call)
        await self.run.flushed()
        if self.spending:
            self.spending.saw(self.engine, messages, call)
            self.spending.add(call)


# When the clock that nobody sets was at 0, in seconds since 1970: so all times of a process are of one clock.
_ZERO = time.time() - time.monotonic()


class _Clock:
    """How long a call takes; by a clock that nobody sets. Milliseconds are enough, and keep lines short."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.began = round(_ZERO + self._start, 3)

    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 3)


def _key(identity: Identity, messages: Sequence[Message], *rest: object) -> str:
    return digest([identity.model_dump(exclude={"endpoint"}), [message.model_dump() for message in messages], *rest])


@contextmanager
def _named(step: str) -> Iterator[None]:
    """An error of a call tells which one it was."""
    try:
        yield
    except CallError as bad:
        bad.step = step
        raise
