"""Calls to models that are kept in memory: none is made twice."""

import asyncio
from collections.abc import Sequence

from constitution.digests import derive_seed, digest
from constitution.engines.base import Engine
from constitution.errors import EmptyCompletion
from constitution.records import Completion, Message, Sampling


class Recall:
    """The calls of one row, with the seeds that a run gives them (see `calls.py`).

    Args:
        row: The row's id.
        seed: The run's.
        attempts: How often a call that says nothing is made, each time with another seed.
        concurrency: Most calls in flight.
    """

    def __init__(self, row: str, seed: int, attempts: int, concurrency: int) -> None:
        self._row = row
        self._seed = seed
        self._attempts = attempts
        self._answers: dict[str, Completion] = {}
        self._free = asyncio.Semaphore(concurrency)

    def known(self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling) -> Completion | None:
        """The answer to this call, if it was made before and said something."""
        answers = (self._answers.get(key) for _, key in self._calls(engine, step, messages, sampling))
        return next((answer for answer in answers if answer and answer.text), None)

    async def ask(self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The answer to this call, which is made if it was not made before.

        Raises:
            CallError: It failed.
            ModelError: The model is gone.
        """
        for seed, key in self._calls(engine, step, messages, sampling):
            if key not in self._answers:
                async with self._free:
                    self._answers[key] = await engine.generate(messages, sampling, seed)
            if self._answers[key].text:
                return self._answers[key]
        raise EmptyCompletion(f"the model said nothing, {self._attempts} times")

    def _calls(
        self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling
    ) -> list[tuple[int, str]]:
        """Seed and key of each attempt."""
        asked = [engine.identity.model_dump(), [message.model_dump() for message in messages], sampling.model_dump()]
        seeds = [derive_seed("call", self._seed, self._row, step, attempt) for attempt in range(self._attempts)]
        return [(seed, digest([*asked, seed])) for seed in seeds]
