"""The `openai` engine at a bad server: 10,000 calls, on a virtual clock, with a server in memory."""

import asyncio
import json
import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from virtual_time import run_virtually
from yarl import URL

from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai.refusals import Fault, Reply
from constitution.engines.openai.servers import Server
from constitution.errors import CallError, ModelError
from constitution.model_settings import ModelSettings
from constitution.records import Completion, Message, Sampling

SETTINGS = ModelSettings(
    engine="openai", model="mock", base_url="http://mock.invalid/v1", timeout=30.0, concurrency=256
)
ANSWER = {"choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}]}
SECONDS = 0.2


class BadServer:
    """Refuses what is more than `capacity` requests at a time; of the others, the shares of `faults` go wrong.

    Attributes:
        outcomes: How often each thing happened.
        sent: How often each call was sent.
        too_early: Calls that came back before they were told to.
        most: The most requests at once.
        listing: Seconds that the list of models takes.
        last: When a call was last let go.
    """

    def __init__(self, faults: dict[str, float], capacity: int = 10**6) -> None:
        self._faults = faults
        self._capacity = capacity
        self._draw = random.Random(0)
        self._not_before: dict[str, float] = defaultdict(float)
        self._here = 0
        self.outcomes: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.too_early: list[str] = []
        self.most = 0
        self.listing = self.last = 0.0

    async def send(self, method: str, url: URL, payload: bytes | None = None) -> Reply:
        if payload is None:
            await asyncio.sleep(self.listing)
            return Reply(200, {}, b'{"data": []}')
        call = json.loads(payload)["messages"][0]["content"]
        now = asyncio.get_running_loop().time()
        self.sent[call] += 1
        if now < self._not_before[call]:
            self.too_early.append(call)
        outcome = self._outcome()
        self.outcomes[outcome] += 1
        self._here += 1
        self.most = max(self.most, self._here)
        try:
            await asyncio.sleep(10**9 if outcome == "hang" else SECONDS if outcome == "answer" else SECONDS / 10)
        finally:
            self._here -= 1
        self.last = asyncio.get_running_loop().time()
        if outcome == "gone":
            raise Fault("nobody there", overload=True, unreachable=True)
        if outcome == "reset":
            raise Fault("the connection broke", overload=True)
        if outcome == "later":
            wait = round(self._draw.uniform(0.5, 5.0), 3)
            self._not_before[call] = asyncio.get_running_loop().time() + wait
            return Reply(429, {"Retry-After": str(wait)}, b'{"error": {"message": "slow down"}}')
        if outcome == "error":
            return Reply(self._draw.choice([500, 502, 503]), {}, b"upstream")
        return Reply(200, {}, json.dumps(ANSWER).encode())

    async def aclose(self) -> None:
        """Nothing to close."""

    def _outcome(self) -> str:
        if self._here >= self._capacity:
            return "later"
        drawn = self._draw.random()
        for name, share in self._faults.items():
            if (drawn := drawn - share) < 0:
                return name
        return "answer"


def run_calls(server: BadServer, calls: int, in_flight: int = 256, **settings: Any) -> tuple[list[Completion], float]:
    """Make the calls, so many at once; the answers, and the virtual seconds that it took.

    The backoffs are drawn with a seed: of 10,000 calls to a server that loses one request of a hundred, one is lost
    three times, and rightly fails, in 4 of 100 trials.
    """
    random.seed(0)

    async def go() -> tuple[list[Completion], float]:
        here = SETTINGS.model_copy(update=settings)
        engine = OpenAIEngine(Server(here, URL(here.base_url or ""), False, server))
        waiting, answers = iter(range(calls)), list[Completion]()

        async def work() -> None:
            for number in waiting:
                messages = [Message(role="user", content=f"call {number}")]
                answers.append(await engine.generate(messages, Sampling(max_tokens=9), number))

        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(work())
        await engine.aclose()
        return answers, asyncio.get_running_loop().time()

    return run_virtually(go())


def test_ten_thousand_calls_outlast_a_bad_server():
    server = BadServer({"later": 0.30, "error": 0.05, "reset": 0.02, "hang": 0.01})
    answers, _ = run_calls(server, 10_000)
    assert [answer.text for answer in answers] == ["Fine."] * 10_000
    assert server.too_early == []
    # The faults are those asked for, and every one of them cost one request and no more.
    total = server.outcomes.total()
    assert server.outcomes["answer"] == 10_000
    assert total == 10_000 + sum(server.outcomes[name] for name in ("later", "error", "reset", "hang"))
    assert total == pytest.approx(10_000 / (1 - 0.38), rel=0.03)
    assert server.outcomes["later"] / total == pytest.approx(0.30, abs=0.02)
    assert server.outcomes["hang"] > 100
    assert max(server.sent.values()) < 25


def test_the_number_of_requests_finds_what_the_server_can_take():
    server = BadServer({}, capacity=20)
    answers, seconds = run_calls(server, 10_000)
    assert len(answers) == 10_000
    # 20 at a time take 100 s at best.
    assert 100 <= seconds < 125
    # This server refuses ten times as fast as it answers.
    assert server.outcomes["later"] < 0.2 * 10_000


def test_a_stray_fault_costs_hardly_any_speed():
    server = BadServer({"error": 0.01})
    _, seconds = run_calls(server, 20_000)
    assert 15.6 <= seconds < 30


def test_a_good_server_gets_all_the_requests_that_are_allowed():
    server = BadServer({})
    _, seconds = run_calls(server, 2_560)
    assert server.most == 256
    assert seconds == pytest.approx(10 * SECONDS, abs=0.01)


class OneSlowCall(BadServer):
    """Answers everything but the call 0."""

    async def send(self, method: str, url: URL, payload: bytes | None = None) -> Reply:
        if payload and json.loads(payload)["messages"][0]["content"] == "call 0":
            self.outcomes["hang"] += 1
            await asyncio.sleep(10**9)
        return await super().send(method, url, payload)


def test_a_call_that_always_hangs_fails_after_its_tries_while_others_are_answered():
    server = OneSlowCall({})
    with pytest.raises(BaseExceptionGroup) as caught:
        run_calls(server, 10_000, in_flight=2)
    assert caught.group_contains(CallError, match="tried 3 times; the server last: no answer in 30 seconds")
    assert server.outcomes["hang"] == 3
    # As many as are answered, one after the other, while it hangs three times, with two backoffs.
    assert 90 / SECONDS <= server.outcomes["answer"] <= 95 / SECONDS


@pytest.mark.parametrize(("in_flight", "sent"), [(1, 3), (64, 64)])
def test_a_model_that_hangs_behind_a_server_that_lives_stops_the_run(in_flight: int, sent: int):
    server = BadServer({"hang": 1.0})
    with pytest.raises(BaseExceptionGroup) as caught:
        run_calls(server, 10_000, in_flight)
    assert caught.group_contains(ModelError, match="the server hangs: no answer in 30 seconds")
    # One or two may be lost, and are sent again; three tell.
    assert server.outcomes["hang"] == sent


def test_a_server_that_hangs_as_a_whole_stops_the_run_at_the_first_call_out_of_time():
    async def go() -> float:
        server = BadServer({"hang": 1.0})
        server.listing = 10**9
        try:
            await run_in(server)
        except ModelError:
            return asyncio.get_running_loop().time()
        raise AssertionError("it went on")

    async def run_in(server: BadServer) -> None:
        engine = OpenAIEngine(Server(SETTINGS, URL(SETTINGS.base_url or ""), False, server))
        await engine.generate([Message(role="user", content="call 0")], Sampling(max_tokens=9), 0)

    assert run_virtually(go()) == 35


def test_a_dead_server_is_given_up_after_the_time_of_a_request():
    server = BadServer({"gone": 1.0})
    with pytest.raises(BaseExceptionGroup) as caught:
        run_calls(server, 1, in_flight=1, timeout=5.0)
    assert caught.group_contains(ModelError, match="the server is gone: nobody there")
    assert server.last <= 5
    with pytest.raises(BaseExceptionGroup):
        run_calls(slow := BadServer({"gone": 1.0}), 1, in_flight=1, timeout=600.0)
    assert slow.outcomes["gone"] == 10
