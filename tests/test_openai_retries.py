"""The one owner of retries of the `openai` engine, against a real local server."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from mock_server import Received, Script, Told, chat, engine_at, error, generated, mock_server, user

from constitution.engines.openai import open_engine, retrying
from constitution.engines.openai.pacing import Pace
from constitution.engines.openai.refusals import retry_after
from constitution.errors import CallError, ConstitutionError, ModelError
from constitution.model_settings import ModelSettings
from constitution.records import Sampling


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No backoff to speak of."""
    monkeypatch.setattr(retrying, "FIRST_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(retrying, "LONGEST_BACKOFF_SECONDS", 0.002)


def first(*told: Told) -> Script:
    """A script that tells these, then answers well."""
    answers: Iterator[Told] = itertools.chain(told, itertools.repeat(chat("At last.")))
    return lambda request: next(answers)


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        (error(400, "top_k: unknown field"), CallError, "top_k: unknown field"),
        (error(422, "seed: not permitted"), CallError, "seed: not permitted"),
        (error(401, "bad key"), ModelError, "bad key"),
        (error(403, "not in your region"), ModelError, "not in your region"),
        (error(403, "The input was flagged by moderation"), CallError, "flagged"),
        (error(404, "no such path"), ModelError, "no such path"),
        (error(402, "Insufficient Balance"), ModelError, "used up"),
        (error(429, "You exceeded your current quota", code="insufficient_quota"), ModelError, "used up"),
        (error(429, "Request too large: limit 3000, requested 4000"), CallError, "too large"),
        (Told({"error": {"message": "no", "code": 400}}), CallError, "400"),
    ],
    ids=lambda value: None if isinstance(value, type) else str(getattr(value, "status", value)),
)
def test_what_no_retry_would_mend_is_tried_once(
    told: Told, kind: type[ConstitutionError], said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    with mock_server(lambda request: told) as server:
        with pytest.raises(kind, match=said):
            generated(server)
        assert len(server.received) == 1


def test_a_redirect_is_not_followed_with_the_key():
    with mock_server(lambda request: Told(None, 307, {"Location": "https://elsewhere.example/"})) as server:
        with pytest.raises(ModelError, match=r"https://elsewhere\.example/"):
            generated(server)
        assert len(server.received) == 1


@pytest.mark.parametrize(
    "told",
    [
        *(error(status, "not now") for status in (408, 409, 425, 429, 500, 502, 503, 529)),
        Told(reset=True),
        Told(b"<html>Bad gateway</html>"),
        Told([1, 2]),
        Told({"choices": []}),
        Told({"choices": [{"message": {}, "finish_reason": "abort"}]}),
        Told({"choices": [{"finish_reason": "stop"}]}),
        Told({"choices": [{"message": {"content": 7}}]}),
        Told({"error": {"message": "upstream"}}),
        chat("x", finish={"type": "stop"}),
        error(429, "Slow down.", {"Retry-After": "nan"}),
        # A limit that speaks of money, but passes.
        error(429, "Rate limit reached. Try again in 20s, or add a payment method to your billing account."),
        error(429, "Add a payment method: /account/billing", code="rate_limit_exceeded"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(told: Told, quick: None):
    with mock_server(first(told, told)) as server:
        assert generated(server).text == "At last."
        assert len(server.received) == 3


def test_counters_of_another_form_are_none() -> None:
    told = chat("Hello.")
    assert isinstance(told.body, dict)
    for usage in ("many", [1], {"prompt_tokens": "7", "prompt_tokens_details": [3]}):
        with mock_server(lambda request, usage=usage: Told(told.body | {"usage": usage})) as server:
            found = generated(server)
            assert (found.text, found.prompt_tokens, found.completion_tokens) == ("Hello.", 0, 0)


def test_a_request_without_an_answer_is_given_up_and_tried_again(quick: None):
    with mock_server(first(Told(hang=True))) as server:
        started = time.monotonic()
        assert generated(server, timeout=0.2).text == "At last."
        assert 0.2 <= time.monotonic() - started < 3
        assert len(server.received) == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (error(503, "loading the model"), "loading the model"),
        (Told(b"<html>Bad gateway</html>"), "Bad gateway"),
        (Told({"choices": []}), r"choices\[0\]"),
        (Told(reset=True), "connection broke"),
    ],
    ids=["error", "not JSON", "lacks a field", "reset"],
)
def test_after_the_tries_the_call_fails_with_what_the_server_said_last(told: Told, said: str, quick: None):
    with mock_server(lambda request: told) as server:
        with pytest.raises(CallError, match=said) as caught:
            generated(server)
        assert "tried 10 times" in caught.value.message
        assert len(server.received) == retrying.TRIES


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "0.4"}, {"retry-after-ms": "400"}, {"retry-after-ms": "400", "Retry-After": "9"}]
)
def test_a_request_is_not_sent_again_before_its_retry_after(headers: dict[str, str], quick: None):
    with mock_server(first(error(429, "slow down", headers))) as server:
        assert generated(server).text == "At last."
        waited = server.received[1].at - server.received[0].at
        assert 0.4 <= waited < 2


def test_retry_after_may_be_a_date():
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 57 < (retry_after({"Retry-After": in_a_minute}) or 0) <= 60
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


def test_who_waits_holds_no_place(quick: None):
    def script(request: Received) -> Told:
        late = request.body["messages"][0]["content"] == "late" and len(server.received) == 1
        return error(429, "later", {"Retry-After": "1"}) if late else chat("x")

    with mock_server(script) as server:

        async def ask() -> list[float]:
            async with engine_at(server, concurrency=1) as engine:

                async def timed(text: str) -> float:
                    await engine.generate(user(text), Sampling(max_tokens=9), 0)
                    return time.monotonic()

                began = time.monotonic()
                return [ended - began for ended in await asyncio.gather(timed("late"), timed("b"), timed("c"))]

        late, *others = asyncio.run(ask())
        assert late >= 1
        assert max(others) < 0.8


def test_a_server_that_only_ever_says_later_stops_the_run(quick: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retrying, "PATIENCE_SECONDS", 0.5)
    with (
        mock_server(lambda request: error(429, "later", {"Retry-After": "0.1"})) as server,
        pytest.raises(ModelError, match="later") as caught,
    ):
        generated(server)
    assert 3 <= len(server.received) <= 6
    assert "same command goes on" in caught.value.hint


def test_a_server_that_dies_stops_the_run(quick: None):
    async def ask() -> None:
        with mock_server() as server:
            engine = await open_engine(ModelSettings(engine="openai", model="mock", base_url=server.url))
            await engine.generate(user("?"), Sampling(max_tokens=9), 0)
        try:
            await engine.generate(user("?"), Sampling(max_tokens=9), 1)
        finally:
            await engine.aclose()

    with pytest.raises(ModelError, match="the server is gone") as caught:
        asyncio.run(ask())
    assert "Nothing finished is lost" in caught.value.hint


def places_after(pace: Pace, *windows: Any) -> list[int]:
    """Let windows of requests through, all of one sent before the first is answered; the places after each."""

    async def go() -> list[int]:
        places = []
        for signals in windows:
            tickets = [await pace.enter() for _ in signals]
            for ticket, signal in zip(tickets, signals, strict=True):
                pace.leave(ticket, signal)
            places.append(pace.places)
        return places

    return asyncio.run(go())


def test_an_overload_halves_the_places_down_to_one():
    pace = Pace(16)
    windows = [["overload"] * places for places in (16, 8, 4, 2, 1, 1)]
    assert places_after(pace, *windows) == [8, 4, 2, 1, 1, 1]


def test_a_window_of_successes_adds_a_place_up_to_all():
    pace = Pace(4)
    assert places_after(pace, ["overload"] * 4, ["room"], ["room"], ["room"] * 2) == [2, 2, 3, 3]
    assert places_after(pace, ["room"], *[["room"] * 4] * 3) == [4, 4, 4, 4]


def test_a_few_overloads_cut_a_few_places():
    assert places_after(Pace(100), ["room"] * 90 + ["overload"] * 10) == [95]


def test_what_was_sent_before_a_cut_does_not_cut_again():
    async def go() -> list[int]:
        pace = Pace(8)

        async def sent(number: int) -> list[int]:
            return [await pace.enter() for _ in range(number)]

        def overloaded(tickets: list[int]) -> int:
            for ticket in tickets:
                pace.leave(ticket, "overload")
            return pace.places

        slow, quick = await sent(4), await sent(4)
        places = [overloaded(quick)]
        places.append(overloaded(await sent(4)))
        places.append(overloaded(slow))
        return [*places, overloaded(await sent(4))]

    assert asyncio.run(go()) == [8, 4, 4, 2]


def test_refusals_and_broken_answers_tell_nothing_of_the_load():
    assert places_after(Pace(2), ["overload"] * 2, *[["none"]] * 9) == [1] * 10


def test_places_go_to_those_who_wait_in_order_and_past_those_who_left():
    async def go() -> list[int]:
        pace, order = Pace(1), list[int]()

        async def work(number: int) -> None:
            ticket = await pace.enter()
            order.append(number)
            await asyncio.sleep(0.001)
            pace.leave(ticket, "none")

        tasks = [asyncio.create_task(work(number)) for number in range(6)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.wait(tasks)
        # One that is cancelled in the very moment in which it is given its place gives it back.
        ticket = await pace.enter()
        waiting = asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        pace.leave(ticket, "none")
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.wait_for(pace.enter(), 1)
        return order

    assert asyncio.run(go()) == [0, 1, 3, 4, 5]
