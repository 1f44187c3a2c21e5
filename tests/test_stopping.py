"""Ctrl-C: what is under way is finished and journalled, nothing new is begun, and a second one does not wait."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from plugging import journalled, plug, put_on_path, start, told, wait_for_calls
from scale import LONG

from constitution import Settings, count, generate
from constitution.calls import Caller
from constitution.cli import main, running
from constitution.engines.base import Usage
from constitution.engines.scripted import Rule, ScriptedEngine
from constitution.manifest import new_manifest
from constitution.records import Message, Prompt, Sampling
from constitution.run import Run
from constitution.runner import Outcome, Stop, Stopped, Tally, run_rows
from constitution.tasks import together

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """A rules file whose every answer takes its time."""
    path = tmp_path / "slow.yaml"
    path.write_text("- {when: '', seconds: 0.6}\n", encoding="utf-8")
    return str(path)


def calls_of(run: Path, lines: Lines, journal: str = "calls.jsonl") -> Counter[tuple[str, str, str]]:
    return Counter((call["row"], call["step"], call["digest"]) for call in lines(run / journal))


# --- a real process


def test_ctrl_c_journals_the_calls_under_way_and_begins_none(
    tmp_path: Path, prompts: Path, slow: str, generated: Generated, lines: Lines
) -> None:
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "scripted", "--model", slow, "--rounds", 1)
    with start("generate", *args, "--concurrency", 3) as process:
        wait_for_calls(process, run, 3)
        # For their answers to be on the disk, and the next ones under way.
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        message = told(process, "stopping")
        before, asked = journalled(run), time.monotonic()
        _, errors = process.communicate(timeout=30)
    assert message == ("stopping: 3 calls are under way and waited for, 8 s at most; Ctrl-C again stops at once\n")
    # One call's time, not those of the nine rows that are left.
    assert time.monotonic() - asked < 2 * 0.6
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors
    assert journalled(run) == before + 3 == 6

    finished = generated(rounds=1, model=slow, concurrency=12)
    assert count(finished).done == 12
    assert calls_of(finished, lines) == calls_of(generated("whole", rounds=1, model=slow, concurrency=12), lines)


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, prompts: Path) -> None:
    run, never = tmp_path / "run", tmp_path / "never.yaml"
    never.write_text("- {when: 'number 0', reply: Zero.}\n- {when: '', seconds: 3600}\n", encoding="utf-8")
    args = ("--prompts", prompts, "--out", run, "--engine", "scripted", "--model", never, "--concurrency", 2)
    with start("generate", *args) as process:
        wait_for_calls(process, run, 1)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        told(process, "stopping: 2 calls")
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130
    assert "stopped; the same command goes on from here" in errors
    assert "Traceback" not in errors
    assert journalled(run) == 1


def test_ctrl_c_in_the_second_stage_keeps_its_calls_too(
    program: Cli, generated: Generated, slow: str, lines: Lines
) -> None:
    run = generated(limit=4)
    journal = run / "compare-calls.jsonl"
    command = ("compare", run, "--judge", slow, "--pairs", "revisions", "--principles-per-pair", 2)

    def kept() -> int:
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    with start(*command) as process:
        # Four rows, each with a question in either order under way, and then the next one.
        while kept() < 8:
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        under_way = int(told(process, "stopping").split()[1])
        before = kept()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert (before, under_way, kept()) == (8, 8, 16)
    # All questions are answered: labels are all that is left to make of them.
    assert program(*command, "-q").returncode == 0
    assert len(lines(run / "comparisons.jsonl")) == 4
    assert kept() == 16


# --- in this process


def test_two_calls_of_one_row_that_are_under_way_are_both_journalled(tmp_path: Path, lines: Lines) -> None:
    engine = ScriptedEngine([Rule(when="short", seconds=0.05), Rule(when="long", seconds=0.2)])
    stop = Stop()

    async def go() -> None:
        with Run(tmp_path / "run") as run:
            run.begin(new_manifest("0", "exact", 2, {}, {}))
            tally = Tally(2, 3)
            caller = Caller(engine, run, 0, 1, tally, stop)

            async def chain(row: Prompt) -> Sequence[Outcome]:
                ask = caller.ask(row, Sampling(max_tokens=9))

                def call(step: str) -> Coroutine[Any, Any, Any]:
                    return ask(step, [Message(role="user", content=step)])

                await together([call("short"), call("long")])
                await call("after")
                raise AssertionError("a call was made after the end was asked for")

            rows = iter([Prompt(id=str(n), index=n, messages=()) for n in range(2)])
            asyncio.get_running_loop().call_later(0.02, stop.ask)
            await run_rows(rows, chain, run, tally, lambda: Usage(), 1, None, stop)

    with pytest.raises(Stopped):
        asyncio.run(go())
    assert [(call["row"], call["step"]) for call in lines(tmp_path / "run" / "calls.jsonl")] == [
        ("0", "short"),
        ("0", "long"),
    ]
    assert stop.under_way == 0


def test_a_stop_with_nothing_under_way_ends_the_run_before_its_first_call(prompts: Path, tmp_path: Path) -> None:
    stop = Stop()
    stop.ask()
    settings = Settings(prompts=str(prompts), out=str(tmp_path / "run"), engine="scripted")
    with pytest.raises(Stopped):
        asyncio.run(asyncio.wait_for(generate(settings, stop=stop), 30))
    assert journalled(tmp_path / "run") == 0
    assert count(tmp_path / "run").pending == 12


def test_a_call_that_fails_while_the_others_are_waited_for_fails_its_row_only(
    prompts: Path, tmp_path: Path, lines: Lines
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- {when: 'number 0', seconds: 0.1, error: hung up}\n- {when: '', seconds: 0.3}\n", encoding="utf-8"
    )
    settings = Settings(
        prompts=str(prompts), out=str(tmp_path / "run"), engine="scripted", model=str(rules), concurrency=2
    )
    stop = Stop()

    async def go() -> None:
        asyncio.get_running_loop().call_later(0.05, stop.ask)
        await generate(settings, stop=stop)

    with pytest.raises(Stopped):
        asyncio.run(go())
    assert [(row["id"], row["message"]) for row in lines(tmp_path / "run" / "failures.jsonl")] == [
        ("row-00", "hung up")
    ]
    assert [call["row"] for call in lines(tmp_path / "run" / "calls.jsonl")] == ["row-01"]


# --- how long


# Another test asks the same of SIGINT, with a thread that does not end.
SIGNALS = [(signal.SIGTERM, 143), *([(signal.SIGINT, 130)] if LONG else [])]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_calls_that_do_not_end_are_waited_for_eight_seconds(
    tmp_path: Path, prompts: Path, program: Cli, lines: Lines, number: int, code: int
) -> None:
    run, never = tmp_path / "run", tmp_path / "never.yaml"
    never.write_text("- {when: 'number [0-3][?]', reply: Quick.}\n- {when: '', seconds: 3600}\n", encoding="utf-8")
    args = ("--prompts", prompts, "--out", run, "--engine", "scripted", "--rounds", 1, "--concurrency", 6)
    with start("generate", *args, "--model", never) as process:
        wait_for_calls(process, run, 4)
        time.sleep(0.2)
        process.send_signal(number)
        told(process, "stopping: ")
        asked = time.monotonic()
        before = journalled(run)
        _, errors = process.communicate(timeout=30)
    seconds = time.monotonic() - asked
    assert 7 < seconds < 10
    assert process.returncode == code
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors
    assert journalled(run) == before
    never.write_text("- {when: 'number [0-3][?]', reply: Quick.}\n", encoding="utf-8")
    again = program("generate", *args, "--model", never, "--fork", "new")
    assert again.returncode == 0, again.stderr
    assert count(tmp_path / "new").done == 12


def test_ctrl_c_while_a_long_input_is_read_stops_at_once(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f'{{"prompt": "Question {n}?"}}\n' for n in range(600_000)), encoding="utf-8")
    with start("generate", "--prompts", prompts, "--out", tmp_path / "run", "--engine", "scripted") as process:
        while not (tmp_path / "run" / ".holder").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.3)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert time.monotonic() - asked < 3
    assert process.returncode == 130
    assert errors.splitlines() == ["stopped; the same command goes on from here"]
    assert not (tmp_path / "run").exists()


SLOW_TO_LOAD = """
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from constitution.engines.scripted import check_model


async def open_engine(settings, chat_template=None):
    thread = ThreadPoolExecutor(1)
    print("loading", flush=True)
    await asyncio.wrap_future(thread.submit(time.sleep, 600))
"""


def test_a_model_that_is_being_loaded_on_a_thread_holds_nobody_back(
    tmp_path: Path, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(tmp_path / "site", "slow", SLOW_TO_LOAD)
    put_on_path(tmp_path / "site", monkeypatch)
    with start("generate", "--prompts", prompts, "--out", tmp_path / "run", "--engine", "slow") as process:
        assert process.stdout and process.stdout.readline() == "loading\n"
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert process.returncode == 130
    assert errors.splitlines() == ["stopped; the same command goes on from here"]
    assert not (tmp_path / "run").exists()


def test_what_follows_a_stage_that_was_finished_all_the_same_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(running, "LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(os, "_exit", left.append)

    async def stage(stop: Stop) -> str:
        async def call() -> str:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            return "finished"

        return await stop.call(call())

    assert running.run_stage(stage) == "finished"
    time.sleep(0.4)
    assert not left


def test_ctrl_c_in_a_task_of_a_librarys_group_is_one_too(capsys: pytest.CaptureFixture[str]) -> None:
    async def stage(stop: Stop) -> None:
        # anyio groups tasks so; whichever runs when the signal comes is where it is raised.
        raise BaseExceptionGroup("tasks", [BaseExceptionGroup("more", [KeyboardInterrupt()])])

    with pytest.raises(typer.Exit) as ended:
        running.run_stage(stage, "stopped")
    assert (ended.value.exit_code, capsys.readouterr().err) == (130, "stopped\n")

    async def wrong(stop: Stop) -> None:
        raise ExceptionGroup("tasks", [ValueError("a bug")])

    with pytest.raises(ExceptionGroup, match="tasks"):
        running.run_stage(wrong)


def test_ctrl_c_where_nothing_runs_is_told_in_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(words: list[str], standalone_mode: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("constitution.cli.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "stopped\n")
