"""Several servers, some of them bad, on a virtual clock: with the engine's own parts and servers in memory."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from virtual_time import run_virtually
from yarl import URL

from constitution.engines.base import Held
from constitution.engines.openai.engine import OpenAIEngine
from constitution.engines.openai.fleet import Fleet
from constitution.engines.openai.refusals import Fault, Reply
from constitution.engines.openai.servers import Listing, Server
from constitution.errors import CallError, ModelError
from constitution.model_settings import ModelSettings
from constitution.records import Message, Sampling

ANSWER = {
    "choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
}
TIMEOUT = 30.0
# What a server does with a request that comes at this second, when it is the nth.
Does = Callable[[float, int], str]


@dataclass
class Sim:
    """A server in memory: `answer`, `gone`, `reset`, `hang`, `later 50`, or an HTTP status."""

    does: Does = lambda now, number: "answer"
    seconds: float = 1.0
    root: str = "org/model"
    came: list[float] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    here: int = 0
    most: int = 0

    async def send(self, method: str, url: URL, payload: bytes | None = None) -> Reply:
        loop = asyncio.get_running_loop()
        if payload is None:
            match self.does(loop.time(), -1):
                case "gone":
                    raise Fault("nobody there", overload=True, unreachable=True)
                case "hang":
                    await asyncio.sleep(10**9)
            return Reply(200, {}, json.dumps({"data": [{"id": "mock", "root": self.root}]}).encode())
        self.came.append(loop.time())
        outcome = self.does(loop.time(), len(self.came))
        self.here += 1
        self.most = max(self.most, self.here)
        try:
            if outcome == "gone":
                raise Fault("nobody there", overload=True, unreachable=True)
            await asyncio.sleep(10**9 if outcome == "hang" else self.seconds if outcome == "answer" else 0.01)
        finally:
            self.here -= 1
        match outcome.split():
            case ["answer"]:
                self.answered.append(json.loads(payload)["messages"][0]["content"])
                return Reply(200, {}, json.dumps(ANSWER).encode())
            case ["reset"]:
                raise Fault("the connection broke", overload=True)
            case ["later", seconds]:
                return Reply(429, {"Retry-After": seconds}, b'{"error": {"message": "slow down"}}')
            case [status]:
                return Reply(int(status), {}, b'{"error": {"message": "upstream"}}')
        raise AssertionError(outcome)

    async def aclose(self) -> None:
        """Nothing to close."""


def fleet_of(*sims: Sim, concurrency: int = 12) -> Fleet:
    settings = ModelSettings(engine="openai", model="mock", timeout=TIMEOUT, concurrency=concurrency)
    servers = [Server(settings, URL(f"http://s{n}/v1"), True, sim) for n, sim in enumerate(sims)]
    listings = [
        Listing(names=("mock",), owners=frozenset(), entries={"mock": {"id": "mock", "root": sim.root}}) for sim in sims
    ]
    return Fleet([OpenAIEngine(server, alone=False) for server in servers], listings)


async def calls(fleet: Fleet, number: int, in_flight: int) -> None:
    """Make so many calls, the first error ends them."""
    waiting = iter(range(number))

    async def work() -> None:
        for call in waiting:
            await fleet.generate([Message(role="user", content=f"call {call}")], Sampling(max_tokens=9), call)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(work())
    except BaseExceptionGroup as bad:
        raise bad.exceptions[0] from None


def run(*sims: Sim, number: int = 300, in_flight: int = 12, concurrency: int | None = None) -> float:
    """The calls, each answered once; the virtual seconds that they took."""
    random.seed(0)

    async def go() -> float:
        fleet = fleet_of(*sims, concurrency=concurrency or in_flight)
        try:
            await calls(fleet, number, in_flight)
            took = asyncio.get_running_loop().time()
        finally:
            await fleet.aclose()
        assert fleet.usage.reused_tokens == 4 * number
        return took

    took = run_virtually(go())
    assert sorted(text for sim in sims for text in sim.answered) == sorted(f"call {n}" for n in range(number))
    return took


def between(sim: Sim, begin: float, end: float) -> int:
    return sum(begin <= second < end for second in sim.came)


def test_requests_are_shared_evenly() -> None:
    sims = [Sim(), Sim(), Sim()]
    assert run(*sims) == pytest.approx(25.0)
    assert [len(sim.came) for sim in sims] == [100, 100, 100]
    assert [sim.most for sim in sims] == [4, 4, 4]


def test_a_slow_server_gets_less() -> None:
    slow, *quick = Sim(seconds=5.0), Sim(), Sim()
    run(slow, *quick)
    assert len(slow.came) < 0.25 * len(quick[0].came)
    assert abs(len(quick[0].came) - len(quick[1].came)) < 30


def test_a_server_that_dies_is_left_out_and_taken_back() -> None:
    dying = Sim(lambda now, number: "gone" if 10 <= now < 100 else "answer")
    run(dying, Sim(), Sim(), number=2400)
    # What was on its way there, and then nothing, as it is looked at without a request.
    assert between(dying, 10, 100) <= 12
    assert between(dying, 165, 1000) > 10


def test_connections_that_break_cost_no_call() -> None:
    run(Sim(lambda now, number: "reset" if number % 3 == 0 else "answer"), Sim())


def test_a_server_that_is_killed_and_stays_away_costs_little_time() -> None:
    dying = Sim(lambda now, number: "gone" if now >= 5 else "answer")
    took = run(dying, Sim(), Sim(), number=300)
    assert took < 300 / 12 * 1.0 + 2
    assert between(dying, 5, 1000) <= 12


def test_a_hung_server_loses_no_call_and_is_tried_one_request_at_a_time() -> None:
    # Its list of models still comes: only a request shows that nothing is answered.
    hung = Sim(lambda now, number: "hang" if now >= 5 and number > 0 else "answer")
    other = Sim()
    run(hung, other, number=900)
    noticed = 5 + TIMEOUT + 5
    tries = [second for second in hung.came if second > noticed]
    assert tries and all(later - earlier >= TIMEOUT for earlier, later in pairwise(tries))


def test_what_waits_for_a_place_at_a_hung_server_is_answered_by_another() -> None:
    hung = Sim(lambda now, number: "hang" if now >= 1 and number > 0 else "answer")
    # Of a hundred at once, each server has places for four.
    assert run(hung, Sim(), number=200, in_flight=100, concurrency=4) < 200 / 4 + 2 * TIMEOUT
    assert len(hung.came) < 12


def test_later_keeps_one_server_alone_for_as_long_as_it_says() -> None:
    limited = Sim(lambda now, number: "later 20" if number == 1 else "answer")
    took = run(limited, Sim(), number=300)
    # Those that were on their way when the first was told so.
    assert between(limited, 0.02, 20) == 0
    assert between(limited, 20, 100) > 20
    assert took < 30


def test_where_all_say_later_calls_wait_for_the_first_to_open() -> None:
    sims = [
        Sim(lambda now, number, wait=wait: f"later {wait - now:.3f}" if now < wait else "answer") for wait in (40, 9)
    ]
    run(*sims, number=24)
    assert between(sims[0], 1, 40) == 0
    assert between(sims[1], 1, 9) == 0
    assert between(sims[1], 9, 20) >= 12


@pytest.mark.parametrize("outcome", ["503", "500", "reset"])
def test_a_server_that_fails_at_once_does_not_draw_all_requests(outcome: str) -> None:
    broken = Sim(lambda now, number: outcome)
    run(broken, Sim(), number=600)
    assert len(broken.came) < 60


def test_a_call_that_every_server_fails_is_given_up_after_some_tries() -> None:
    sims = [Sim(lambda now, number: "500"), Sim(lambda now, number: "reset")]
    with pytest.raises(CallError, match="tried 10 times"):
        run(*sims, number=1, in_flight=1)
    assert sum(len(sim.came) for sim in sims) == 10


def test_the_run_ends_when_all_are_gone_and_not_before() -> None:
    dying = [Sim(lambda now, number, end=end: "gone" if now >= end else "answer") for end in (5, 50, 95)]
    times: list[float] = []

    async def go() -> None:
        fleet = fleet_of(*dying)
        try:
            await calls(fleet, 10**6, 12)
        finally:
            times.append(asyncio.get_running_loop().time())
            await fleet.aclose()

    with pytest.raises(ModelError) as caught:
        run_virtually(go())
    assert caught.value.message == "all 3 servers are gone:" + "".join(
        f"\n  http://s{n}/v1: nobody there" for n in range(3)
    )
    assert "same command goes on" in caught.value.hint
    assert 95 + TIMEOUT <= times[0] <= 95 + TIMEOUT + 2


def test_all_hung_ends_the_run_in_a_request_s_time() -> None:
    sims = [Sim(lambda now, number: "hang" if now >= 5 else "answer") for _ in range(2)]
    with pytest.raises(ModelError, match="it hangs: no answer in 30 seconds"):
        run(*sims, number=10**6)
    assert max(second for sim in sims for second in sim.came) <= 5 + TIMEOUT + 2


def test_a_refused_key_leaves_one_server_out_and_ends_the_run_at_once_where_all_refuse_it() -> None:
    refusing = [Sim(lambda now, number: "401" if now >= 5 else "answer") for _ in range(2)]
    run(refusing[0], Sim(), number=300)
    assert between(refusing[0], 6, 100) <= 8
    with pytest.raises(ModelError, match="all 2 servers are gone") as caught:
        run(Sim(refusing[0].does), refusing[1], number=10**6)
    assert caught.value.message.count("refuses the key") == 2
    assert max(refusing[1].came) < 7
    # What waits for a place is not sent, and does not hide why.
    sims = [Sim(lambda now, number: "401") for _ in range(2)]
    with pytest.raises(ModelError, match=r"(?s)refuses the key.*refuses the key"):
        run(*sims, number=200, in_flight=100, concurrency=4)
    assert sum(len(sim.came) for sim in sims) <= 8


def test_a_server_that_comes_back_with_another_model_stays_out() -> None:
    changed = Sim(lambda now, number: "gone" if 5 <= now < 20 else "answer")

    async def go() -> tuple[str, ...]:
        fleet = fleet_of(changed, Sim())
        changed.root = "org/other"
        await calls(fleet, 1200, 12)
        await fleet.aclose()
        return tuple(lane.said for lane in fleet._lanes)

    assert run_virtually(go())[0] == "it serves another model now (root)"
    assert between(changed, 18, 1000) == 0


def test_what_a_server_refuses_is_refused_without_asking_the_others() -> None:
    sims = [Sim(lambda now, number: "400"), Sim(lambda now, number: "400")]
    with pytest.raises(CallError, match="upstream"):
        run(*sims, number=1, in_flight=1)
    assert sum(len(sim.came) for sim in sims) == 1


def test_once_drained_nothing_more_is_sent() -> None:
    sims = [Sim(lambda now, number: "later 500"), Sim(seconds=9.0)]

    async def go() -> list[object]:
        fleet = fleet_of(*sims, concurrency=2)
        tasks = [asyncio.create_task(calls(fleet, 1, 1)) for _ in range(6)]
        await asyncio.sleep(1.0)
        fleet.drain()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await fleet.aclose()
        return [type(one) for one in ended]

    ended = run_virtually(go())
    assert ended.count(Held) == 4
    assert ended.count(type(None)) == len(sims[1].came) == 2


def test_closing_cancels_those_who_wait_for_a_server() -> None:
    async def go() -> list[object]:
        fleet = fleet_of(Sim(lambda now, number: "gone"), Sim(lambda now, number: "later 500"))
        asked = [Message(role="user", content="?")]
        tasks = [asyncio.create_task(fleet.generate(asked, Sampling(max_tokens=9), n)) for n in range(3)]
        await asyncio.sleep(1.0)
        await fleet.aclose()
        return [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]

    assert run_virtually(go()) == [asyncio.CancelledError] * 3
