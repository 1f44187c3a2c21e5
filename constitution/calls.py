"""Calls of a row's chain to a model: looked up in the journal first, written to it before the answer is used."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from constitution.compare import Weigh
from constitution.digests import derive_seed, digest
from constitution.engines.base import Engine, Identity
from constitution.errors import CallError, EmptyCompletion
from constitution.records import Call, Choice, Completion, Message, Sampling
from constitution.revise import Ask
from constitution.runner import Stop, Tally
from constitution.store import Run


@dataclass(frozen=True)
class Caller:
    """One model, as the rows of a run call it.

    Attributes:
        engine: Makes the calls; closed already where all of them are in the journal.
        run: Where the journal is.
        seed: The run's.
        attempts: How often a call that says nothing is asked again, with another seed; a row that failed on an earlier
            start gets as many again.
        tally: Counts the calls.
        stop: Once it is asked for, no new call is made.
    """

    engine: Engine
    run: Run
    seed: int
    attempts: int
    tally: Tally
    stop: Stop

    def __post_init__(self) -> None:
        """The engine is to send nothing more once the run is to end."""
        self.stop.tell(self.engine)

    def ask(self, row: str, sampling: Sampling) -> Ask:
        """One row's way to `Engine.generate`."""
        attempts = self.attempts * (1 + self.run.failures[row])

        async def ask(step: str, messages: Sequence[Message]) -> Completion:
            for attempt in range(attempts):
                seed = derive_seed("call", self.seed, row, step, attempt)
                key = _key(self.engine.identity, messages, sampling.model_dump(), seed)
                completion = self.run.answer(row, step, key)
                if completion is None:
                    with _named(step):
                        completion = await self.stop.call(self.engine.generate(messages, sampling, seed))
                    self.run.keep(Call(row=row, step=step, digest=key, completion=completion))
                if completion.text:
                    self.tally.count(row, step)
                    return completion
            with _named(step):
                raise EmptyCompletion(f"the model said nothing, {attempts} times")

        return ask

    def weigh(self, row: str) -> Weigh:
        """One row's way to `Engine.choose`; what is not a finite number becomes None."""

        async def weigh(step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
            key = _key(self.engine.identity, messages, "choose", list(options))
            seed = derive_seed("choose", self.seed, row, step)
            # Probabilities are what they are; sampled votes are those of a seed.
            sampled_key = digest([key, seed])
            choice = self.run.choice(row, step, key) or self.run.choice(row, step, sampled_key)
            if choice is None:
                with _named(step):
                    told = await self.stop.call(self.engine.choose(messages, options, seed))
                finite = tuple(None if value is None or not math.isfinite(value) else value for value in told.logprobs)
                choice = told.model_copy(update={"logprobs": finite})
                found_by = key if choice.sampled is None else sampled_key
                self.run.keep(Call(row=row, step=step, digest=found_by, choice=choice))
            self.tally.count(row, step)
            return choice

        return weigh


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
