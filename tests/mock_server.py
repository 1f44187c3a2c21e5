"""A server on this machine that speaks OpenAI's API and answers as a test tells it to."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from constitution.engines.openai import OpenAIEngine, open_engine
from constitution.model_settings import ModelSettings
from constitution.records import Choice, Completion, Message, Sampling


@dataclass(frozen=True)
class Received:
    """A request: its path, its JSON, its headers, the second at which it came, and its query."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An answer. `reset` breaks the connection instead; `hang` never answers."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    hang: bool = False


Script = Callable[[Received], Told]


@dataclass
class MockServer:
    """Where it listens, and what it was sent, requests for the list of models apart."""

    url: str
    received: list[Received]
    listed: list[Received]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self.received]


def chat(text: str | None, finish: str | None = "stop", **fields: object) -> Told:
    """A good answer of `chat/completions`; `fields` go beside the message."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3}}
    message = {"role": "assistant", "content": text}
    return Told({"choices": [{"index": 0, "message": message, "finish_reason": finish, **fields}], "usage": usage})


def completion(text: str, finish: str | None = "stop", **fields: object) -> Told:
    """A good answer of `completions`; `fields` go beside the text."""
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    return Told({"choices": [{"index": 0, "text": text, "finish_reason": finish, **fields}], "usage": usage})


def error(status: int, message: str, headers: dict[str, str] | None = None, **fields: object) -> Told:
    """An error as OpenAI tells it."""
    return Told({"error": {"message": message, **fields}}, status, headers or {})


@contextmanager
def mock_server(
    script: Script = lambda request: chat("Hello."),
    models: Sequence[str] | Told = ("mock",),
    prefix: str = "/v1",
    owner: str = "mock",
) -> Iterator[MockServer]:
    """Run it in a thread.

    Args:
        script: Answers everything but the list of models.
        models: Their names, or another answer to the request for them.
        prefix: Where the API begins.
        owner: What the list calls the models' owner.
    """
    if isinstance(models, Told):
        names = models
    else:
        listing = [{"id": name, "object": "model", "owned_by": owner} for name in models]
        names = Told({"object": "list", "data": listing})
    server = MockServer("", [], [])
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def handle(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        received = Received(request.path, body, dict(request.headers), time.monotonic(), dict(request.query))
        if request.path == f"{prefix}/models":
            server.listed.append(received)
            told = names
        elif request.method == "POST" and request.path.startswith(prefix):
            server.received.append(received)
            told = script(received)
        else:
            told = Told({"detail": "Not Found"}, 404)
        if told.reset:
            assert request.transport
            request.transport.abort()
        if told.hang:
            await asyncio.sleep(3600)
        raw = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
        return web.Response(body=raw, status=told.status, headers=told.headers)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@asynccontextmanager
async def engine_at(
    server: MockServer, chat_template: str | None = None, **settings: Any
) -> AsyncIterator[OpenAIEngine]:
    """The engine, opened at a mock server and closed at the end."""
    given = {"engine": "openai", "model": "mock", "base_url": server.url} | settings
    engine = await open_engine(ModelSettings(**given), chat_template)
    try:
        yield engine
    finally:
        await engine.aclose()


def user(text: str) -> list[Message]:
    """A conversation of one turn."""
    return [Message(role="user", content=text)]


def generated(server: MockServer, messages: Sequence[Message] = (), **settings: Any) -> Completion:
    """What the engine at this server answers to one call of `generate`."""

    async def ask() -> Completion:
        async with engine_at(server, **settings) as engine:
            return await engine.generate(messages or user("Hello?"), Sampling(max_tokens=64), seed=1)

    return asyncio.run(ask())


def chosen(server: MockServer, options: Sequence[str] = ("A", "B"), times: int = 1, **settings: Any) -> list[Choice]:
    """What the engine at this server answers to calls of `choose`, one after the other."""

    async def ask() -> list[Choice]:
        async with engine_at(server, **settings) as engine:
            return [await engine.choose(user("A or B?"), options, seed) for seed in range(times)]

    return asyncio.run(ask())
