"""Calls that are kept in memory: none is made twice, and none that failed or was cancelled stays."""

import asyncio
from collections.abc import Sequence

import pytest

from constitution.engines.base import Engine
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError
from constitution.recall import Recall
from constitution.records import Completion, Message, Sampling

ASKED = [Message(role="user", content="Why?")]
SAMPLING = Sampling(max_tokens=8)


class Slow(ScriptedEngine):
    """Counts its calls, which end when they may."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.may = asyncio.Event()
        self.fails = False

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        self.calls += 1
        await self.may.wait()
        if self.fails:
            raise CallError("the server hung up")
        return await super().generate(messages, sampling, seed)


def asking(recall: Recall, engine: Engine) -> "asyncio.Task[Completion]":
    return asyncio.create_task(recall.ask(engine, "respond", ASKED, SAMPLING))


async def under_way(number: int) -> tuple[Recall, Slow, "list[asyncio.Task[Completion]]"]:
    recall, engine = Recall("row", 0, 3, 1), Slow()
    tasks = [asking(recall, engine) for _ in range(number)]
    await asyncio.sleep(0.01)
    return recall, engine, tasks


def test_what_is_under_way_is_not_asked_again() -> None:
    async def run() -> None:
        recall, engine, tasks = await under_way(5)
        assert recall.known(engine, "respond", ASKED, SAMPLING) is None
        engine.may.set()
        answers = await asyncio.gather(*tasks)
        assert (engine.calls, len(set(map(id, answers)))) == (1, 1)
        assert recall.known(engine, "respond", ASKED, SAMPLING) == answers[0]

    asyncio.run(run())


def test_what_failed_fails_for_all_who_wait_and_is_asked_anew_later() -> None:
    async def run() -> None:
        recall, engine, tasks = await under_way(3)
        engine.fails = True
        engine.may.set()
        for task in tasks:
            with pytest.raises(CallError, match="hung up"):
                await task
        assert engine.calls == 1
        engine.fails = False
        assert (await asking(recall, engine)).text
        assert engine.calls == 2

    asyncio.run(run())


@pytest.mark.parametrize("cancelled", [0, 1])
def test_whoever_is_cancelled_takes_nobody_along(cancelled: int) -> None:
    async def run() -> None:
        recall, engine, tasks = await under_way(3)
        tasks.pop(cancelled).cancel()
        await asyncio.sleep(0.01)
        engine.may.set()
        assert len({(await task).text for task in tasks}) == 1
        # Only the one who made the call takes it along: another makes it again, and just one.
        assert engine.calls == (2 if cancelled == 0 else 1)
        assert recall.known(engine, "respond", ASKED, SAMPLING)

    asyncio.run(run())
