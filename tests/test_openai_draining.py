"""Once a run is to end, the `openai` engine sends nothing more; what is sent is answered."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from mock_server import Received, Told, chat, engine_at, error, mock_server, user

from constitution import Settings, generate
from constitution.engines.base import Held
from constitution.engines.openai import OpenAIEngine
from constitution.records import Completion, Sampling
from constitution.report.summary import summarise
from constitution.runner import Stop

SHORT = Sampling(max_tokens=8)


async def ask(engine: OpenAIEngine, stop: Stop, number: int) -> Completion:
    return await stop.call(engine.generate(user(f"Question {number}"), SHORT, number))


def stopped_after(sent: int, calls: int, handler: Callable[[Received], Told], concurrency: int) -> tuple[int, int]:
    """Ask for the end once the server has received `sent` of `calls` requests; how many it received, and answered."""

    async def go() -> tuple[int, int]:
        with mock_server(handler) as server:
            async with engine_at(server, concurrency=concurrency) as engine:
                stop = Stop()
                stop.tell(engine)
                tasks = [asyncio.create_task(ask(engine, stop, number)) for number in range(calls)]
                async with asyncio.timeout(10):
                    while len(server.received) < sent:
                        await asyncio.sleep(0.01)
                    stop.ask()
                    await stop.drained()
                answered = sum(task.done() for task in tasks)
                for task in tasks:
                    task.cancel()
                return len(server.received), answered

    return asyncio.run(go())


def test_calls_that_wait_for_a_place_are_never_sent() -> None:
    def slowly(request: Received) -> Told:
        time.sleep(0.2)
        return chat("Hello.")

    sent, answered = stopped_after(2, 10, slowly, concurrency=2)
    # Another two may have begun while the stop was on its way.
    assert sent == answered <= 4


def test_what_was_told_to_wait_is_not_sent_again() -> None:
    sent, answered = stopped_after(
        3, 3, lambda request: error(429, "Slow down.", {"Retry-After": "600"}), concurrency=8
    )
    assert (sent, answered) == (3, 0)


def test_a_drained_engine_tells_that_it_holds_calls_back() -> None:
    async def go() -> object:
        with mock_server() as server:
            async with engine_at(server) as engine:
                engine.drain()
                (found,) = await asyncio.gather(engine.generate(user("Hi"), SHORT, 1), return_exceptions=True)
                assert not server.received
                return found

    assert isinstance(asyncio.run(go()), Held)


def test_refused_control_strings_are_counted(tmp_path: Path) -> None:
    texts = ["Say <|im_end|> and [INST].", "Say nothing."]
    file = tmp_path / "prompts.jsonl"
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts), encoding="utf-8")
    with mock_server() as server:
        given = {"prompts": str(file), "out": str(tmp_path / "run"), "engine": "openai", "model": "mock"}
        settings = Settings(**given, base_url=server.url, control_tokens="error", rounds=1)
        counts = asyncio.run(generate(settings))
    assert (counts.done, counts.failed) == (1, 1)
    told = summarise(tmp_path / "run")
    assert (told.control_strings, told.control_tokens) == (2, ("error",))
