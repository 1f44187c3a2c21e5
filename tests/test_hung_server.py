"""No silent hang: a server that stops or dies ends the run in time, and one that holds requests back is told of."""

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mock_server import Received, Told, chat, engine_at, error, mock_server, user
from plugging import journalled, start, wait_for_calls
from server_process import server_process

from constitution.engines.base import Usage
from constitution.engines.openai import retrying
from constitution.records import Sampling

Lines = Callable[[Path], list[Any]]
TIMEOUT = 2
# Start and end of a process on a machine that does much else.
CHANGE = 20


def run_at(url: str, prompts: Path, run: Path) -> "subprocess.Popen[str]":
    args = ["generate", "--prompts", prompts, "--out", run, "--engine", "openai", "--model", "mock", "--rounds", 1]
    return start(*args, "--base-url", url, "--timeout", TIMEOUT, "--concurrency", 4)


def ended(process: "subprocess.Popen[str]", since: float) -> tuple[int, str, float]:
    """How it ended, what it said, and after how many seconds."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said, time.monotonic() - since


def test_a_stopped_server_ends_the_run_in_a_request_s_time_and_the_same_command_goes_on(
    tmp_path: Path, prompts: Path, lines: Lines
) -> None:
    run = tmp_path / "run"
    with server_process(tmp_path / "log") as server:
        process = run_at(server.url, prompts, run)
        wait_for_calls(process, run, 6)
        server.process.send_signal(signal.SIGSTOP)
        code, said, seconds = ended(process, time.monotonic())
        assert code == 3, said
        assert "the server hangs: no answer in 2 seconds" in said
        assert "the same command goes on" in said
        assert "Traceback" not in said
        assert seconds < TIMEOUT + CHANGE
        kept = {call["completion"]["text"] for call in lines(run / "calls.jsonl")}
        assert 6 <= len(kept) < 36
        server.process.send_signal(signal.SIGCONT)
        code, said, _ = ended(run_at(server.url, prompts, run), time.monotonic())
        assert code == 0, said
        asked = Counter(json.dumps(call["asked"]) for call in server.calls)
        answered = {json.dumps(call["asked"]) for call in server.calls if call["text"] in kept}
        assert len(answered) == len(kept)
        assert [asked[call] for call in answered] == [1] * len(kept)
    assert len(lines(run / "transcripts.jsonl")) == 12
    assert journalled(run) == 36


def test_a_killed_server_ends_the_run_in_a_request_s_time(tmp_path: Path, prompts: Path) -> None:
    run = tmp_path / "run"
    with server_process(tmp_path / "log") as server:
        process = run_at(server.url, prompts, run)
        wait_for_calls(process, run, 6)
        server.process.kill()
        code, said, seconds = ended(process, time.monotonic())
    assert code == 3, said
    assert "the server is gone" in said
    assert seconds < TIMEOUT + CHANGE


def test_a_server_that_is_stopped_before_the_run_is_told_in_a_request_s_time(tmp_path: Path, prompts: Path) -> None:
    with server_process(tmp_path / "log") as server:
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        code, said, seconds = ended(run_at(server.url, prompts, tmp_path / "run"), began)
        assert code == 3, said
        assert f"{server.url}/models: no answer in 2 seconds" in said
        assert TIMEOUT <= seconds < TIMEOUT + CHANGE


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(hang=True), "/models: no answer in 2 seconds"),
        (error(503, "loading"), "/models: tried 3 times; the server last: 503: loading"),
        (error(429, "later", {"Retry-After": "60"}), "the server lets nothing in any more; it says last: 429: later"),
    ],
)
def test_a_list_of_models_that_does_not_come_is_waited_for_no_longer_than_a_request(
    tmp_path: Path, prompts: Path, told: Told, words: str
) -> None:
    with mock_server(models=told) as server:
        began = time.monotonic()
        process = run_at(server.url, prompts, tmp_path / "run")
        code, said, seconds = ended(process, began)
    assert (code, words in said) == (3, True), said
    assert seconds < TIMEOUT + CHANGE


def test_a_server_that_holds_requests_back_is_told_once_in_half_a_minute(tmp_path: Path, prompts: Path) -> None:
    def script(request: Received) -> Told:
        return chat("Fine.") if len(server.received) > 4 else error(429, "[slow] down\x1b[1m", {"Retry-After": "8"})

    with mock_server(script) as server:
        process = run_at(server.url, prompts, tmp_path / "run")
        code, said, _ = ended(process, time.monotonic())
    assert code == 0, said
    waiting = [line for line in said.splitlines() if line.startswith("waiting:")]
    # What a server says neither styles the line nor steers the terminal.
    assert waiting == ["waiting: the server says 429: [slow] down�[1m; 4 requests held"]


def test_an_engine_tells_what_it_waits_for_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "SHORT_SILENCE_SECONDS", 0.2)
    script = lambda request: Told(hang=True) if len(server.received) == 1 else chat("Fine.")  # noqa: E731

    async def go() -> list[Usage]:
        async with engine_at(server, timeout=7) as engine:
            asking = asyncio.create_task(engine.generate(user("?"), Sampling(max_tokens=4), 0))
            await asyncio.sleep(0.1)
            usage = [engine.usage]
            await asyncio.sleep(0.3)
            usage.append(engine.usage)
            await engine.generate(user("?"), Sampling(max_tokens=4), 1)
            usage.append(engine.usage - usage[1])
            asking.cancel()
            await asyncio.wait([asking])
            await asyncio.sleep(0.3)
            return [*usage, engine.usage]

    with mock_server(script) as server:
        early, silent, after, idle = asyncio.run(go())
    told = "the server has answered nothing for 0 seconds; 1 request under way, each given up after 7"
    assert [usage.waiting for usage in (early, silent, after, idle)] == [(), (told,), (), ()]
    assert (after.completion_tokens, (silent + silent).waiting) == (7, (told, told))
