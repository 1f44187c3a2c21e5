"""The desk, its workers and the rows between them, without Ray: workers are threads of this process."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from constitution import Settings, generate
from constitution.cluster import worker
from constitution.cluster.desk import Desk
from constitution.cluster.frames import Line
from constitution.cluster.shift import MOST_LOSSES, Shift
from constitution.cluster.worker import Post, Worker
from constitution.crew import Job, Model
from constitution.errors import ConfigError
from constitution.generation import _chain
from constitution.journal import read_records
from constitution.manifest import new_manifest
from constitution.model_settings import ModelSettings
from constitution.principles import load_principles
from constitution.records import Call, Completion, Failure, Prompt, Transcript
from constitution.run import Run
from constitution.runner import Stop, Tally
from constitution.sources import read
from constitution.templating import load_templates

SCRIPTED = (Model(ModelSettings(engine="scripted")), Model(ModelSettings(engine="scripted")))


def post_of(desk: Desk, token: bytes | None = None) -> Post:
    wanted = desk.reception.token if token is None else token
    return Post("127.0.0.1", desk.port, wanted, SCRIPTED, "/nowhere", {})


def job_of(settings: Settings) -> Job[Any]:
    build = partial(_chain, settings, load_principles(settings.principles), load_templates(settings.templates), None)
    return Job(build, settings.seed, settings.attempts, 2)


def line() -> Line:
    """A line that nobody is at the end of; what is sent on it is dropped."""
    return Line(None, None)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run(tmp_path / "run") as opened:
        opened.begin(new_manifest("0", "exact", 12, {}, {}))
        yield opened


def shift_of(run: Run, rows: int, stop: Stop | None = None) -> Shift:
    prompts = (Prompt(id=str(n), index=n, messages=()) for n in range(rows))
    job: Job[Any] = Job(lambda callers: None, 0, 1, 4)  # type: ignore[arg-type, return-value]
    return Shift(prompts, job, run, Tally(rows, 3), stop or Stop(), None)


def call_of(row: str, step: str) -> Call:
    answer = Completion(text="Yes.", finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    return Call(row=row, index=int(row), step=step, digest="d", completion=answer)


def transcript_of(row: str) -> Transcript:
    answer = Completion(text="Yes.", finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    return Transcript(id=row, index=int(row), prompt=(), response=answer, rounds=(), metadata={})


def test_workers_make_the_rows_that_one_process_makes(prompts: Path, tmp_path: Path) -> None:
    settings = Settings(prompts=str(prompts), out=str(tmp_path / "here"), engine="scripted")
    asyncio.run(generate(settings))

    async def there() -> None:
        desk, stop = Desk("127.0.0.1"), Stop()
        await desk.start()
        first = desk.expect(2)
        working = [asyncio.create_task(asyncio.to_thread(Worker(post_of(desk)), {"worker": n})) for n in range(2)]
        assert [known.identity.engine for known in await first] == ["scripted", "scripted"]
        with Run(tmp_path / "there") as opened:
            opened.begin(new_manifest("0", "exact", 12, {}, {}))
            shift = Shift(read(settings), job_of(settings), opened, Tally(12, 5, 2), stop, None)
            # Workers that all fail would be waited for: a cluster may yet send others.
            async with asyncio.timeout(60):
                await desk.work(shift, lambda: None)
            await opened.flushed()
        assert stop.under_way == 0
        await desk.close()
        assert await asyncio.gather(*working) == [{"worker": 0}, {"worker": 1}]

    asyncio.run(there())
    for name, kind, but in (("transcripts", Transcript, set()), ("calls", Call, {"began", "seconds"})):
        here, other = (
            sorted(one.model_dump_json(exclude=but) for one in read_records(tmp_path / place / f"{name}.jsonl", kind))
            for place in ("here", "there")
        )
        assert here == other


def test_who_does_not_know_the_token_is_not_let_in() -> None:
    async def go() -> None:
        desk = Desk("127.0.0.1")
        await desk.start()
        first = desk.expect(1)
        await asyncio.wait_for(asyncio.to_thread(Worker(post_of(desk, b"?" * 32)), {}), 10)
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" + b" " * 64)
        # Its own nonce and proof, and nothing after them.
        assert len(await asyncio.wait_for(reader.read(-1), 10)) == 64
        writer.close()
        assert not first.done()
        await desk.close()

    asyncio.run(go())


def test_a_worker_of_another_release_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RELEASE", "0.0.9 (aaaaaaaa)")
    monkeypatch.setattr(worker, "LOOK_SECONDS", 1.0)

    async def go() -> None:
        desk = Desk("127.0.0.1")
        await desk.start()
        first = desk.expect(1)
        working = asyncio.create_task(asyncio.to_thread(Worker(replace(post_of(desk))), {}))
        with pytest.raises(ConfigError, match=r"has constitution 0\.0\.9 \(aaaaaaaa\), and this process"):
            await asyncio.wait_for(first, 10)
        await desk.close()
        await working

    asyncio.run(go())


def test_a_row_belongs_to_the_line_that_it_was_handed_out_on(run: Run) -> None:
    shift, one, other = shift_of(run, 1), line(), line()
    assert [packet.row.id for packet in shift.hand_out(one, 5)] == ["0"]
    shift.call(one, call_of("0", "respond"), made=True)
    shift.lose(one)
    (packet,) = shift.hand_out(other, 5)
    assert [call.step for call in packet.known] == ["respond"]
    # What the lost worker might still say is not heard.
    shift.call(one, call_of("0", "critique-1"), made=True)
    shift.finish(one, 0, [transcript_of("0")])
    assert not shift.ended and run.calls_made == 1
    shift.finish(other, 0, [transcript_of("0")])
    assert shift.hand_out(other, 5) == [] and shift.ended
    assert len(list(read_records(run.folder / "transcripts.jsonl", Transcript))) == 1


def test_a_row_that_ends_its_workers_fails_alone(run: Run) -> None:
    shift = shift_of(run, 4)
    first = line()
    assert len(shift.hand_out(first, 4)) == 4
    for row in "123":
        shift.finish(first, int(row), [transcript_of(row)])
    shift.lose(first)
    for _ in range(MOST_LOSSES - 1):
        (packet,) = shift.hand_out(current := line(), 4)
        assert packet.row.id == "0"
        shift.lose(current)
    assert shift.ended
    (failure,) = read_records(run.folder / "failures.jsonl", Failure)
    assert (failure.id, failure.kind) == ("0", "WorkerLost")


def test_a_finished_call_shows_that_a_row_goes_on(run: Run) -> None:
    shift = shift_of(run, 1)
    for number in range(3 * MOST_LOSSES):
        current = line()
        assert len(shift.hand_out(current, 1)) == 1
        shift.call(current, call_of("0", f"step-{number}"), made=True)
        shift.lose(current)
    assert not shift.ended


def test_after_a_stop_no_row_is_handed_out_and_what_was_out_stays_pending(run: Run) -> None:
    stop = Stop()
    shift, one = shift_of(run, 3, stop), line()
    shift.hand_out(one, 2)
    stop.ask()
    assert (shift.hand_out(line(), 2), stop.under_way) == ([], 2)
    shift.halt(one)
    assert stop.under_way == 0
    assert run.counts(3).pending == 3
