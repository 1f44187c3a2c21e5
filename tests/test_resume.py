"""Runs that are stopped, broken, changed and shared: nothing is lost, nothing is made twice."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugging import plug, put_on_path, start, told, wait_for_calls

from constitution import Settings, count, generate
from constitution.counts import Counts
from constitution.errors import RunError
from constitution.journal import Journal, read_records
from constitution.principles import find_principles
from constitution.records import Failure, Message, Prompt
from constitution.report.summary import summarise
from constitution.resources import shipped
from constitution.runner import State
from constitution.sources import scan

Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]

# A third party's engine: the scripted one, which notes every call as it begins and can be broken from outside, by
# files in the folder that --model names.
WATCHED = """
import asyncio
import json
import re
from pathlib import Path

from constitution.engines.scripted import Rule, ScriptedEngine
from constitution.errors import CallError, ModelError


class Watched(ScriptedEngine):
    def __init__(self, folder):
        super().__init__([Rule(when="", seconds=0.01)], name="watched")
        self.folder = folder
        self.begun = 0

    async def generate(self, messages, sampling, seed):
        last = messages[-1].content
        with (self.folder / "asked.jsonl").open("a") as log:
            log.write(json.dumps({"seed": seed, "asks": last}) + "\\n")
        completion = await super().generate(messages, sampling, seed)
        self.begun += 1
        hold, gone, down, mute = (self.folder / name for name in ("hold", "gone", "down", "mute"))
        while hold.exists() and self.begun > int(hold.read_text()):
            await asyncio.sleep(0.02)
        if gone.exists() and re.search(gone.read_text(), last):
            raise ModelError("the model is gone", "Start it again.")
        if down.exists() and re.search(down.read_text(), last):
            raise CallError("the server hung up")
        if mute.exists() and seed % 2:
            return completion.model_copy(update={"text": ""})
        return completion


async def check_model(settings):
    pass


async def open_engine(settings, chat_template=None):
    return Watched(Path(settings.model))
"""

# The words with which the shipped templates ask for a revision.
ASKS_FOR_A_REVISION = "Write only the new response"


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the engine `watched` for this process and those it starts; the folder that steers it."""
    site, folder = tmp_path / "site", tmp_path / "watched"
    folder.mkdir()
    plug(site, "watched", WATCHED)
    put_on_path(site, monkeypatch)
    return folder


def stop(process: "subprocess.Popen[str]", number: int) -> tuple[int, str]:
    assert process.poll() is None, "ended before it was stopped"
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


def transcripts_by_id(run: Path, lines: Lines) -> dict[str, Any]:
    rows = lines(run / "transcripts.jsonl")
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == len(rows), "a row was written twice"
    return by_id


def calls_of(run: Path, lines: Lines) -> Counter[tuple[str, str, str]]:
    return Counter((call["row"], call["step"], call["digest"]) for call in lines(run / "calls.jsonl"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


# Killed


def test_a_run_killed_again_and_again_ends_with_the_rows_of_one_never_stopped(
    tmp_path: Path, prompts: Path, generated: Generated, lines: Lines, watched: Path
) -> None:
    run, concurrency, all_calls = tmp_path / "killed", 5, 12 * 5
    args = ["--prompts", prompts, "--out", run, "--engine", "watched", "--model", watched]
    args += ["--concurrency", concurrency]
    kept = b""
    starts = (1, 16, 20)
    for number in starts:
        # The engine answers so many calls; all workers then hang in a call when the process is killed.
        (watched / "hold").write_text(str(number))
        asked_before = len(lines(watched / "asked.jsonl")) if kept else 0
        with start("generate", *args) as process:
            wait_for_calls(process, run, kept.count(b"\n") + number)
            while len(lines(watched / "asked.jsonl")) < asked_before + number + concurrency:
                time.sleep(0.005)
            stop(process, signal.SIGKILL)
        now = (run / "calls.jsonl").read_bytes()
        assert now.startswith(kept), "a finished call was lost"
        kept = now
        counts = count(run)
        assert counts.done == len(lines_that_are_whole(run / "transcripts.jsonl"))
        assert counts.done + counts.pending == 12
    (watched / "hold").unlink()
    with start("generate", *args) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert (run / "calls.jsonl").read_bytes().startswith(kept)

    whole = generated("whole", rounds=2, concurrency=concurrency)
    assert transcripts_by_id(run, lines) == transcripts_by_id(whole, lines)
    calls = calls_of(run, lines)
    assert set(calls.values()) == {1}
    assert len(calls) == all_calls
    asked = Counter((call["seed"], call["asks"]) for call in lines(watched / "asked.jsonl"))
    assert len(asked) == all_calls
    assert asked.total() - all_calls == concurrency * len(starts), "other calls than those in flight were repeated"


def lines_that_are_whole(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def test_a_scripted_run_killed_half_way_is_finished_by_the_same_command(
    tmp_path: Path, prompts: Path, cli: Cli, generated: Generated, lines: Lines
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: 'Write only'\n  seconds: 0.1\n- when: 'number 7'\n  reply: Seven.\n")
    run = tmp_path / "killed"
    args = ("--prompts", prompts, "--out", run, "--engine", "scripted", "--model", rules, "--concurrency", 3)
    with start("generate", *args) as process:
        wait_for_calls(process, run, 30)
        stop(process, signal.SIGKILL)
    assert 0 < count(run).pending < 12
    assert cli("generate", *args).returncode == 0
    whole = generated("whole", rounds=2, model=str(rules))
    assert transcripts_by_id(run, lines) == transcripts_by_id(whole, lines)
    assert set(calls_of(run, lines).values()) == {1}


@pytest.mark.parametrize("aside", ["manifest.tmp", ".manifest.json.tmp"])
def test_a_run_killed_before_its_manifest_was_written_begins_anew(
    tmp_path: Path, generated: Generated, aside: str
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").touch()
    (run / aside).write_text("")
    generated("run")
    assert count(run).done == 12


def test_ctrl_c_exits_with_130_and_the_same_command_goes_on(
    tmp_path: Path, prompts: Path, cli: Cli, generated: Generated, lines: Lines, watched: Path
) -> None:
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "watched", "--model", watched, "--concurrency", 2)
    (watched / "hold").write_text("15")
    with start("generate", *args) as process:
        wait_for_calls(process, run, 15)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        # Both workers hang in a call that never ends: a second Ctrl-C does not wait for it.
        assert told(process, "stopping").startswith("stopping: 2 calls are under way and waited for")
        code, errors = stop(process, signal.SIGINT)
    assert code == 130
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors
    assert 0 < count(run).pending < 12
    (watched / "hold").unlink()
    assert cli("generate", *args).returncode == 0
    assert transcripts_by_id(run, lines) == transcripts_by_id(generated("whole", rounds=2), lines)
    assert set(calls_of(run, lines).values()) == {1}


# Torn journals


@pytest.fixture
def mixed(tmp_path: Path, prompts: Path) -> dict[str, str]:
    """Settings of a run that has rows done, rows that fail and rows that are filtered: 10, 2 and 2 of them."""
    prompts.write_text(
        prompts.read_text(encoding="utf-8") + '{"id": "empty-1", "prompt": ""}\n{"id": "empty-2", "prompt": "  \\n"}\n',
        encoding="utf-8",
    )
    rules = tmp_path / "mixed.yaml"
    rules.write_text("- when: 'number (3|4)[?]'\n  error: the server hung up\n")
    return {"prompts": str(prompts), "model": str(rules)}


@pytest.mark.parametrize("journal", ["calls", "transcripts", "failures", "filtered"])
@pytest.mark.parametrize("left", ["all but the line's end", "one byte", "half"])
def test_a_torn_last_line_is_cut_off_and_the_run_goes_on(
    generated: Generated, lines: Lines, mixed: dict[str, str], journal: str, left: str
) -> None:
    run = generated(**mixed)
    before = {path.name: lines(path) for path in run.glob("*.jsonl")}
    path = run / f"{journal}.jsonl"
    *whole, last, _ = path.read_bytes().split(b"\n")
    torn = {"all but the line's end": last, "one byte": last[:1], "half": last[: len(last) // 2]}[left]
    path.write_bytes(b"".join(line + b"\n" for line in whole) + torn)

    generated(**mixed)
    after = {path.name: lines(path) for path in run.glob("*.jsonl")}
    assert transcripts_by_id(run, lines) == {row["id"]: row for row in before["transcripts.jsonl"]}
    assert {row["id"] for row in after["failures.jsonl"]} == {"row-03", "row-04"}
    assert sorted(row["id"] for row in after["filtered.jsonl"]) == ["empty-1", "empty-2"]
    assert count(run) == Counts(input=14, done=10, failed=2, filtered=2)
    # A lost call is made again only if its row is not finished: here it is.
    lost = 1 if journal == "calls" else 0
    assert len(after["calls.jsonl"]) == len(before["calls.jsonl"]) - lost


def test_reading_a_run_passes_over_a_torn_last_line_and_leaves_it_there(generated: Generated) -> None:
    run = generated()
    path = run / "transcripts.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    torn = path.read_bytes()
    assert count(run).done == 11
    assert summarise(run).pending == 1
    assert path.read_bytes() == torn


def test_a_torn_line_longer_than_any_buffer_is_cut_off_alone(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    long = Prompt(id="b", index=1, messages=(Message(role="user", content="word " * 50_000),))
    first = Prompt(id="a", index=0, messages=())
    journal = Journal(path)
    journal.append(first)
    journal.append(long)
    journal.close()
    path.write_bytes(path.read_bytes()[:-1])
    journal = Journal(path)
    journal.append(long)
    journal.close()
    assert list(read_records(path, Prompt)) == [first, long]


def test_a_journal_broken_in_its_middle_is_named_with_its_line(generated: Generated) -> None:
    run = generated()
    path = run / "transcripts.jsonl"
    broken = path.read_bytes().split(b"\n")
    broken[2] = broken[2][:20]
    path.write_bytes(b"\n".join(broken))
    with pytest.raises(RunError, match=r"transcripts\.jsonl:3: damaged: the line at byte \d+ has another checksum"):
        generated()


# Concurrency


def test_rows_are_the_same_at_every_concurrency(generated: Generated, lines: Lines) -> None:
    one, three, many = (
        transcripts_by_id(generated(f"at-{number}", concurrency=number, rounds=3), lines) for number in (1, 3, 64)
    )
    assert len(one) == 12
    assert one == three == many


def test_rows_are_the_same_on_their_own_and_among_others(generated: Generated, lines: Lines) -> None:
    alone = transcripts_by_id(generated("alone", skip=4, limit=1), lines)
    assert alone == {"row-04": transcripts_by_id(generated("together"), lines)["row-04"]}


# Changed settings


def changed_principles(tmp_path: Path, prompts: Path) -> dict[str, str]:
    text = find_principles("harmlessness").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("weight: 1", "weight: 2", 1), encoding="utf-8")
    return {"principles": str(tmp_path / "mine.yaml")}


def changed_templates(tmp_path: Path, prompts: Path) -> dict[str, str]:
    shutil.copytree(shipped("templates") / "chat", tmp_path / "mine")
    (tmp_path / "mine" / "revise.jinja").write_text("{{ principle.revision_request }} Now.")
    return {"templates": str(tmp_path / "mine")}


def changed_prompts(tmp_path: Path, prompts: Path) -> dict[str, str]:
    prompts.write_text(prompts.read_text(encoding="utf-8").replace("number 5", "number five"), encoding="utf-8")
    return {}


def changed_model(tmp_path: Path, prompts: Path) -> dict[str, str]:
    (tmp_path / "rules.yaml").write_text("- when: x\n  reply: y\n")
    return {"model": str(tmp_path / "rules.yaml")}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda *_: {"rounds": 3}, ["rounds: 1 → 3"]),
        (lambda *_: {"seed": 9}, ["seed: 0 → 9"]),
        (lambda *_: {"temperature": 0.5}, ["temperature: 0.7 → 0.5"]),
        (lambda *_: {"critique": False}, ["critique: true → false"]),
        (lambda *_: {"limit": 5}, ["limit: null → 5"]),
        (lambda *_: {"system_prompt": "Hi."}, ['system_prompt: null → "Hi."', "templates (content): "]),
        (changed_principles, ["principles (content): "]),
        (changed_templates, ["templates (content): "]),
        (changed_prompts, ["prompts (content): "]),
        (changed_model, ["model (identity): model: ", "model (identity): revision: "]),
    ],
)
def test_a_changed_run_is_refused_with_each_difference_and_left_as_it_was(
    tmp_path: Path, prompts: Path, generated: Generated, change: Callable[..., dict[str, Any]], named: list[str]
) -> None:
    run = generated()
    before = contents(run)
    with pytest.raises(RunError, match="holds a run made by other settings") as refusal:
        generated(**change(tmp_path, prompts))
    # Which principles changed is indented further.
    differences = [line for line in refusal.value.message.splitlines()[1:] if not line.startswith("    ")]
    assert len(differences) == len(named)
    for difference, name in zip(sorted(differences), sorted(named), strict=True):
        assert difference.strip().startswith(name)
    assert "add --fork NEW: " in refusal.value.hint
    assert contents(run) == before


def test_a_changed_run_exits_with_4_and_prints_every_difference(prompts: Path, generated: Generated, cli: Cli) -> None:
    run = generated()
    result = cli("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--rounds", 2, "--seed", 4)
    assert result.returncode == 4
    assert result.stdout == ""
    first, *rest = result.stderr.splitlines()
    assert first == f"error: {run} holds a run made by other settings:"
    assert rest[:2] == ["  rounds: 1 → 2", "  seed: 0 → 4"]
    assert "add --fork NEW: " in rest[2]


def test_speed_knobs_and_moved_files_are_not_a_change(tmp_path: Path, prompts: Path, generated: Generated) -> None:
    before = contents(generated())
    (tmp_path / "run").rename(tmp_path / "moved")
    elsewhere = tmp_path / "elsewhere.jsonl"
    prompts.rename(elsewhere)
    principles = shutil.copy(find_principles("harmlessness"), tmp_path / "same.yaml")
    templates = shutil.copytree(shipped("templates") / "chat", tmp_path / "same")
    generated(
        "moved",
        concurrency=1,
        attempts=9,
        device="cpu",
        prompts=str(elsewhere),
        principles=str(principles),
        templates=str(templates),
    )
    assert contents(tmp_path / "moved") == before


# Forks


def test_a_fork_makes_only_the_calls_that_do_not_match(generated: Generated, lines: Lines, watched: Path) -> None:
    engine = {"engine": "watched", "model": str(watched)}
    short = generated("short", rounds=1, **engine)
    (watched / "asked.jsonl").unlink()
    fork = generated("fork", reuse=short, rounds=3, **engine)
    assert len(lines(watched / "asked.jsonl")) == 12 * 4
    fresh = generated("fresh", rounds=3, **engine)
    assert transcripts_by_id(fork, lines) == transcripts_by_id(fresh, lines)
    # What it took over is in its own journal: it needs the other run no more.
    assert calls_of(fork, lines) == calls_of(fresh, lines)


def test_a_fork_with_other_principles_keeps_the_initial_responses(
    generated: Generated, lines: Lines, watched: Path
) -> None:
    engine = {"engine": "watched", "model": str(watched)}
    first = generated("first", **engine)
    (watched / "asked.jsonl").unlink()
    fork = generated("fork", reuse=first, principles="helpfulness", **engine)
    assert len(lines(watched / "asked.jsonl")) == 12 * 2
    responses = [{id: row["response"] for id, row in transcripts_by_id(run, lines).items()} for run in (first, fork)]
    assert responses[0] == responses[1]


def test_a_fork_with_another_seed_reuses_nothing(generated: Generated, lines: Lines) -> None:
    fork = generated("fork", reuse=generated("first"), seed=1)
    assert len(lines(fork / "calls.jsonl")) == 12 * 3


def test_a_fork_with_another_chat_template_reuses_nothing(
    tmp_path: Path, generated: Generated, lines: Lines, watched: Path
) -> None:
    engine = {"engine": "watched", "model": str(watched), "templates": str(tmp_path / "set")}
    shutil.copytree(shipped("templates") / "transcript", tmp_path / "set")
    first = generated("first", **engine)
    (watched / "asked.jsonl").unlink()
    template = tmp_path / "set" / "chat_template.jinja"
    template.write_text(template.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    generated("fork", reuse=first, **engine)
    assert len(lines(watched / "asked.jsonl")) == 12 * 3


def test_a_fork_leaves_the_other_run_alone(generated: Generated) -> None:
    first = generated("first")
    before = contents(first)
    generated("fork", reuse=first, rounds=2)
    assert contents(first) == before


def test_a_fork_of_what_is_no_run_is_refused(tmp_path: Path, generated: Generated) -> None:
    with pytest.raises(RunError, match="no such folder"):
        generated("fork", reuse=tmp_path / "nothing")
    assert not (tmp_path / "fork" / "manifest.json").exists(), "the refused start began a run"


# Folders in use, and folders that are no run


def test_a_second_writer_is_refused_and_the_first_goes_on(
    tmp_path: Path, prompts: Path, cli: Cli, generated: Generated, lines: Lines, watched: Path
) -> None:
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "watched", "--model", watched, "--concurrency", 1)
    (watched / "hold").write_text("1")
    with start("generate", *args) as process:
        wait_for_calls(process, run, 1)
        second = cli("generate", *args)
        (watched / "hold").unlink()
        _, errors = process.communicate(timeout=60)
    assert second.returncode == 4
    assert f"error: {run}: another process is writing this run" in second.stderr
    assert process.returncode == 0, errors
    assert transcripts_by_id(run, lines) == transcripts_by_id(generated("whole", rounds=2), lines)


@pytest.mark.parametrize("name", ["notes.txt", "transcripts.jsonl"])
def test_a_folder_that_is_no_run_is_refused_and_left_as_it_was(tmp_path: Path, generated: Generated, name: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text('{"my": "data"}\n{"not": "a run\'s"}')
    before = contents(folder)
    with pytest.raises(RunError):
        generated("mine")
    assert contents(folder) == before


# Rows that fail


def test_failing_rows_are_recorded_while_the_others_finish(
    tmp_path: Path, cli: Cli, lines: Lines, mixed: dict[str, str]
) -> None:
    run = tmp_path / "run"
    result = cli(
        "generate", "--prompts", mixed["prompts"], "--out", run, "--engine", "scripted", "--model", mixed["model"]
    )
    assert result.returncode == 5
    assert "14 rows = 10 done + 2 failed + 2 filtered + 0 pending" in result.stdout
    assert "2 × CallError" in result.stdout
    assert f"2 rows failed (see {run / 'failures.jsonl'})" in result.stderr
    failures = sorted(lines(run / "failures.jsonl"), key=lambda row: row["id"])
    none = {"control_strings": 0}
    assert failures == [
        {"id": f"row-0{n}", "index": n, "step": "respond", "kind": "CallError", "message": "the server hung up"} | none
        for n in (3, 4)
    ]
    assert len(transcripts_by_id(run, lines)) == 10


def test_failed_rows_are_run_again_when_asked_from_the_call_that_failed(
    tmp_path: Path, prompts: Path, cli: Cli, generated: Generated, lines: Lines, watched: Path
) -> None:
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "watched", "--model", watched)
    (watched / "down").write_text(ASKS_FOR_A_REVISION)
    for times in (1, 2):
        assert cli("generate", *args, *["--retry-failed"][: times - 1]).returncode == 5
        assert count(run) == Counts(input=12, done=0, failed=12, filtered=0)
        assert {(row["step"], row["kind"]) for row in lines(run / "failures.jsonl")} == {("revise-1", "CallError")}
        assert len(lines(run / "failures.jsonl")) == 12 * times
    before = len(lines(watched / "asked.jsonl"))
    (watched / "down").unlink()
    # Unless asked, nothing is made of them.
    assert cli("generate", *args).returncode == 5
    assert len(lines(watched / "asked.jsonl")) == before
    result = cli("generate", *args, "--retry-failed")
    assert result.returncode == 0
    assert "12 rows = 12 done + 0 failed + 0 filtered + 0 pending" in result.stdout
    assert "CallError" not in result.stdout
    # Response and first critique of each row were journalled; three calls of five were owed.
    assert len(lines(watched / "asked.jsonl")) - before == 12 * 3
    assert transcripts_by_id(run, lines) == transcripts_by_id(generated("whole", rounds=2), lines)


def test_an_empty_reply_is_asked_again_with_other_seeds_until_the_row_fails(
    tmp_path: Path, generated: Generated, lines: Lines
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: 'number 3'\n  reply: ' '\n")
    run = generated(model=str(rules), attempts=4)
    asked = [call["digest"] for call in lines(run / "calls.jsonl") if call["row"] == "row-03"]
    assert len(set(asked)) == len(asked) == 4
    assert list(read_records(run / "failures.jsonl", Failure)) == [
        Failure(id="row-03", index=3, step="respond", kind="EmptyCompletion", message="the model said nothing, 4 times")
    ]
    assert count(run) == Counts(input=12, done=11, failed=1, filtered=0)


def test_a_retry_asks_anew_for_rows_that_empty_replies_had_failed(
    tmp_path: Path, generated: Generated, lines: Lines
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: 'number 3'\n  reply: ' '\n")
    for times in (1, 2, 3):
        run = generated(model=str(rules), attempts=2, retry_failed=times > 1)
        asked = [call["digest"] for call in lines(run / "calls.jsonl") if call["row"] == "row-03"]
        assert len(set(asked)) == len(asked) == 2 * times
        assert len(lines(run / "failures.jsonl")) == times
        assert count(run) == Counts(input=12, done=11, failed=1, filtered=0)


def test_a_write_that_fails_half_way_leaves_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    failures = [Failure(id=str(n), index=n, step="respond", kind="CallError", message="x") for n in range(3)]
    journal.append(failures[0])
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, line: whole(file, line[:10]))
    with pytest.raises(RunError, match="cannot be written: No space left"):
        journal.append(failures[1])
    monkeypatch.undo()
    # Nobody knows what the disk holds: this process writes no more of it.
    with pytest.raises(RunError, match="cannot be written: No space left"):
        journal.append(failures[2])
    with pytest.raises(RunError, match="cannot be written: No space left"):
        journal.close()
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(failures[2])
    journal.close()
    assert list(read_records(tmp_path / "j.jsonl", Failure)) == [failures[0], failures[2]]


def test_more_attempts_finish_the_rows_that_empty_replies_had_failed(
    generated: Generated, lines: Lines, watched: Path
) -> None:
    (watched / "mute").touch()
    settings = {"engine": "watched", "model": str(watched)}
    run = generated(**settings, attempts=1)
    failed = count(run).failed
    assert 0 < failed < 12
    made = calls_of(run, lines)
    generated(**settings, attempts=30, retry_failed=True)
    assert count(run) == Counts(input=12, done=12, failed=0, filtered=0)
    assert all(row["response"]["text"] for row in lines(run / "transcripts.jsonl"))
    # What was asked before, empty replies included, was not asked again.
    assert set((calls_of(run, lines) - made).values()) == {1}
    assert not made - calls_of(run, lines)
    assert len({call["seed"] for call in lines(watched / "asked.jsonl")}) == calls_of(run, lines).total()


# Rows that cannot be run


@pytest.mark.parametrize("empty", ["", " \n\t ", None, []])
def test_an_empty_prompt_is_filtered_without_a_call(
    prompts: Path, generated: Generated, lines: Lines, empty: object
) -> None:
    prompts.write_text(json.dumps({"id": "no", "prompt": empty}) + '\n{"id": "yes", "prompt": "Hello?"}\n')
    run = generated()
    assert [row["reason"] for row in lines(run / "filtered.jsonl")] == ["empty prompt"]
    assert count(run) == Counts(input=2, done=1, failed=0, filtered=1)
    assert {call["row"] for call in lines(run / "calls.jsonl")} == {"yes"}


def test_a_prompt_beyond_the_context_is_filtered_with_both_lengths(
    prompts: Path, generated: Generated, lines: Lines
) -> None:
    prompts.write_text(json.dumps({"id": "long", "prompt": "word " * 8000}) + "\n")
    run = generated(max_tokens=200)
    (row,) = lines(run / "filtered.jsonl")
    assert row["reason"] == "context overflow"
    assert row["message"] == "respond: needs 8200 tokens with its answer, the model's context is 8192"
    assert count(run) == Counts(input=1, done=0, failed=0, filtered=1)


def test_a_chain_that_outgrows_the_context_is_filtered_at_that_step(
    prompts: Path, generated: Generated, lines: Lines
) -> None:
    prompts.write_text(json.dumps({"id": "long", "prompt": "word " * 8000}) + "\n")
    run = generated(max_tokens=190)
    (row,) = lines(run / "filtered.jsonl")
    assert row["message"].startswith("critique-1: needs ")
    assert row["message"].endswith("the model's context is 8192")


def test_a_filtered_row_is_not_tried_again(generated: Generated, lines: Lines, mixed: dict[str, str]) -> None:
    run = generated(**mixed)
    generated(**mixed)
    assert sorted(row["id"] for row in lines(run / "filtered.jsonl")) == ["empty-1", "empty-2"]


# Every row is accounted for


def test_at_every_point_each_row_is_done_failed_filtered_or_pending(
    tmp_path: Path, lines: Lines, mixed: dict[str, str]
) -> None:
    run = tmp_path / "run"
    states: list[State] = []

    def watch(state: State) -> None:
        done, failed, filtered = (
            {row["id"] for row in lines(run / f"{name}.jsonl")} for name in ("transcripts", "failures", "filtered")
        )
        assert not done & failed
        assert not done & filtered
        assert not failed & filtered
        expected = Counts(input=14, done=len(done), failed=len(failed), filtered=len(filtered))
        assert state.counts == count(run) == expected
        assert state.counts.pending == 14 - len(done | failed | filtered)
        states.append(state)

    settings = Settings(**mixed, out=str(run), engine="scripted", concurrency=3)
    final = asyncio.run(generate(settings, watch))
    assert final == states[-1].counts == Counts(input=14, done=10, failed=2, filtered=2)
    pending = [state.counts.pending for state in states]
    assert pending == sorted(pending, reverse=True)
    assert set(pending) == set(range(15))
    calls = [state.calls for state in states]
    assert calls == sorted(calls)
    assert calls[-1] == states[-1].calls_expected == 14 * 5


def test_a_row_that_failed_and_is_tried_again_has_failed_until_it_is_done(
    tmp_path: Path, prompts: Path, watched: Path
) -> None:
    settings = Settings(
        prompts=str(prompts), out=str(tmp_path / "run"), engine="watched", model=str(watched), rounds=1, concurrency=2
    )
    (watched / "down").write_text("number [0-5][?]")
    assert asyncio.run(generate(settings)) == Counts(input=12, done=6, failed=6, filtered=0)
    (watched / "down").unlink()
    seen: list[Counts] = []
    final = asyncio.run(generate(settings, lambda state: seen.append(state.counts), retry_failed=True))
    assert final == Counts(input=12, done=12, failed=0, filtered=0)
    assert [counts.failed for counts in seen] == sorted((counts.failed for counts in seen), reverse=True)
    assert {counts.failed for counts in seen} == set(range(7))
    assert {counts.pending for counts in seen} == {0}


def test_a_model_that_is_gone_stops_the_run_and_keeps_what_was_finished(
    tmp_path: Path, prompts: Path, cli: Cli, generated: Generated, lines: Lines, watched: Path
) -> None:
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "watched", "--model", watched, "--concurrency", 2)
    (watched / "gone").write_text("number 6[?]")
    result = cli("generate", *args)
    assert result.returncode == 3
    assert result.stderr.splitlines()[-2:] == ["error: the model is gone", "  Start it again."]
    assert 5 <= count(run).done <= 6
    assert count(run).failed == 0
    (watched / "gone").unlink()
    assert cli("generate", *args).returncode == 0
    assert transcripts_by_id(run, lines) == transcripts_by_id(generated("whole", rounds=2), lines)
    assert set(calls_of(run, lines).values()) == {1}


def test_an_input_that_has_not_changed_is_not_checked_again(
    prompts: Path, generated: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = generated()
    scans: list[object] = []
    monkeypatch.setattr("constitution.generation.scan", lambda settings: scans.append(settings) or scan(settings))
    before = contents(run)
    generated()
    assert not scans
    assert contents(run) == before
    # Other bytes, the same rows: read again, and gone on with.
    prompts.write_text(prompts.read_text(encoding="utf-8").replace('", "', '",  "'), encoding="utf-8")
    generated()
    assert len(scans) == 1
    prompts.write_text(prompts.read_text(encoding="utf-8").replace("number 5", "number five"), encoding="utf-8")
    with pytest.raises(RunError, match=re.escape("prompts (content)")):
        generated()
    assert len(scans) == 2
    assert count(run) == Counts(input=12, done=12, failed=0, filtered=0)
