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
        self._asked: dict[str, asyncio.Future[Completion]] = {}
        self._free = asyncio.Semaphore(concurrency)

    def known(self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling) -> Completion | None:
        """The answer to this call, if it was made before and said something."""
        asked = (self._asked.get(key) for _, key in self._calls(engine, step, messages, sampling))
        answers = (call.result() for call in asked if call and call.done())
        return next((answer for answer in answers if answer.text), None)

    async def ask(self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The answer to this call, which is made if it was not made before; if it is under way, that one's answer.

        Raises:
            CallError: It failed.
            ModelError: The model is gone.
        """
        for seed, key in self._calls(engine, step, messages, sampling):
            answer = await self._answer(key, engine, messages, sampling, seed)
            if answer.text:
                return answer
        raise EmptyCompletion(f"the model said nothing, {self._attempts} times")

    async def _answer(
        self, key: str, engine: Engine, messages: Sequence[Message], sampling: Sampling, seed: int
    ) -> Completion:
        while asked := self._asked.get(key):
            # Not awaited itself: that would cancel it with the one who waits.
            await asyncio.wait([asked])
            if not asked.cancelled():
                return asked.result()
        asked = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            async with self._free:
                asked.set_result(await engine.generate(messages, sampling, seed))
        except Exception as bad:
            # Whoever waits for it fails alike; whoever comes later asks again.
            del self._asked[key]
            asked.set_exception(bad)
        except BaseException:
            del self._asked[key]
            asked.cancel()
            raise
        return asked.result()

    def _calls(
        self, engine: Engine, step: str, messages: Sequence[Message], sampling: Sampling
    ) -> list[tuple[int, str]]:
        """Seed and key of each attempt."""
        asked = [engine.identity.model_dump(), [message.model_dump() for message in messages], sampling.model_dump()]
        seeds = [derive_seed("call", self._seed, self._row, step, attempt) for attempt in range(self._attempts)]
        return [(seed, digest([*asked, seed])) for seed in seeds]
