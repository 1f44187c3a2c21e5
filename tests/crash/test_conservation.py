"""Every row is accounted for, whatever a model or a server answers."""

import asyncio
import hashlib
import json
import math
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from mock_server import Received, Told, chat, error, mock_server
from scale import LONG

from constitution import CompareSettings, Settings, errors, generate, label_pairs
from constitution.cli.fail_on import check_fail_on, too_many
from constitution.counts import Counts
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError, ConfigError, RunError
from constitution.journal import read_records
from constitution.manifest import COMPARE, REVISE, Stage
from constitution.records import Choice, Comparison, Completion, Failure, Filtered, Message, Sampling, Transcript
from constitution.runner import State
from constitution.store import count

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
ROWS = 2000 if LONG else 200
MALFORMED, FAILING = 0.10, 0.05
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CallError)}


def share(*parts: object) -> float:
    """A number in [0, 1) that hangs on these parts alone."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16) / 2**32


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have the scripted engine answer nonsense and fail; `answered` counts what it did, `well` mends it."""
    steering: dict[str, Any] = {"well": False, "answered": Counter(), "asked": []}
    sound_generate, sound_choose = ScriptedEngine.generate, ScriptedEngine.choose

    def struck(kind: str, seed: int) -> str:
        steering["asked"].append(seed)
        mark = share(kind, seed)
        what = "failed" if mark < FAILING else "malformed" if mark < FAILING + MALFORMED else "sound"
        what = "sound" if steering["well"] else what
        steering["answered"][what] += 1
        if what == "failed":
            raise CallError("the server hung up")
        return what

    async def ask(self: ScriptedEngine, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        answer = await sound_generate(self, messages, sampling, seed)
        return answer if struck("generate", seed) == "sound" else answer.model_copy(update={"text": ""})

    async def choose(self: ScriptedEngine, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        answer = await sound_choose(self, messages, options, seed)
        unreadable = [(math.nan, math.nan), (None, None), (-90.0, -80.0), (-math.inf, -math.inf)]
        if struck("choose", seed) == "sound":
            return answer
        return answer.model_copy(update={"logprobs": unreadable[seed % len(unreadable)]})

    monkeypatch.setattr(ScriptedEngine, "generate", ask)
    monkeypatch.setattr(ScriptedEngine, "choose", choose)
    return steering


def outcomes(run: Path, stage: Stage) -> dict[str, set[int]]:
    """The positions of rows by what became of them, as the journals tell."""
    done: set[int] = set()
    if stage is REVISE:
        done = {one.index for one in read_records(run / stage.outcomes, Transcript)}
    else:
        found = Counter((one.index, one.pairs) for one in read_records(run / stage.outcomes, Comparison))
        done = {index for (index, pairs), number in found.items() if number == pairs}
    filtered = {one.index for one in read_records(run / stage.filtered, Filtered)}
    failed = {one.index for one in read_records(run / stage.failures, Failure)} - done - filtered
    return {"done": done, "failed": failed, "filtered": filtered}


def test_rows_are_conserved_when_a_tenth_is_malformed_and_a_twentieth_fails(
    tmp_path: Path, faulty: dict[str, Any]
) -> None:
    prompts, run = tmp_path / "prompts.jsonl", tmp_path / "run"
    texts = ["" if n % 50 == 7 else f"Question {n}?" for n in range(ROWS)]
    prompts.write_text("".join(json.dumps({"id": f"r{n}", "prompt": text}) + "\n" for n, text in enumerate(texts)))
    compared = CompareSettings(pairs="revisions", principles_per_pair=2)
    settings = Settings(
        prompts=str(prompts), out=str(run), engine="scripted", rounds=1, attempts=1, concurrency=16, compare=compared
    )
    states: list[Counts] = []

    def watch(state: State) -> None:
        counts = state.counts
        assert counts.input == counts.done + counts.failed + counts.filtered + counts.pending
        assert min(counts.done, counts.failed, counts.filtered, counts.pending) >= 0
        states.append(counts)

    asyncio.run(generate(settings, watch))
    answered = faulty["answered"]
    assert abs(answered["malformed"] / answered.total() - MALFORMED) < 0.04
    assert abs(answered["failed"] / answered.total() - FAILING) < 0.03
    revised, labelled = (outcomes(run, stage) for stage in (REVISE, COMPARE))
    for stage, found in ((REVISE, revised), (COMPARE, labelled)):
        counts = count(run, stage)
        assert {name: len(rows) for name, rows in found.items()} == counts.model_dump(exclude={"input"})
        assert counts.pending == 0
        assert found["failed"]
        failures = list(read_records(run / stage.failures, Failure))
        assert {failure.kind for failure in failures} <= KINDS
        assert all(failure.step and failure.message for failure in failures)
    assert revised["filtered"] == {n for n in range(ROWS) if n % 50 == 7}
    assert set.union(*revised.values()) == set(range(ROWS))
    assert set.union(*labelled.values()) == revised["done"]
    unreadable = [one for one in read_records(run / COMPARE.outcomes, Comparison) if one.status == "invalid"]
    assert unreadable and all(one.p is None for one in unreadable)
    print(f"{answered.total()} calls, {answered['malformed']} malformed, {answered['failed']} failing: ", end="")
    print(f"{count(run).equation}; comparing: {count(run, COMPARE).equation}, {len(unreadable)} invalid labels")

    # The same command makes nothing of failed rows.
    before = {path.name: path.read_bytes() for path in run.glob("*.jsonl")}
    faulty["asked"].clear()
    asyncio.run(generate(settings))
    assert not faulty["asked"]
    assert {path.name: path.read_bytes() for path in run.glob("*.jsonl")} == before

    # A retry runs these and no others; what still fails stays failed, and every record of a failure stays.
    asyncio.run(generate(settings, watch, retry_failed=True))
    again = outcomes(run, REVISE)
    assert revised["done"] < again["done"] <= revised["done"] | revised["failed"]
    assert again["failed"] < revised["failed"] and again["filtered"] == revised["filtered"]
    for name, old in before.items():
        assert (run / name).read_bytes().startswith(old)
    calls = [json.loads(line) for line in (run / "calls.jsonl").read_bytes()[len(before["calls.jsonl"]) :].splitlines()]
    assert {call["index"] for call in calls} <= revised["failed"]

    faulty["well"] = True
    asyncio.run(generate(settings, watch, retry_failed=True))
    assert count(run) == Counts(input=ROWS, done=ROWS - len(revised["filtered"]), failed=0, filtered=ROWS // 50)
    assert count(run, COMPARE) == Counts(input=ROWS - ROWS // 50, done=ROWS - ROWS // 50, failed=0, filtered=0)
    assert len(states) > ROWS


def test_rows_are_conserved_in_front_of_a_server_that_breaks_and_refuses(tmp_path: Path) -> None:
    prompts, run = tmp_path / "prompts.jsonl", tmp_path / "run"
    prompts.write_text("".join(json.dumps({"id": f"r{n}", "prompt": f"Question {n}?"}) + "\n" for n in range(40)))
    asked: Counter[str] = Counter()

    def answer(request: Received) -> Told:
        body = json.dumps(request.body, sort_keys=True)
        asked[body] += 1
        if share(body) < FAILING:
            return error(400, "this one is not answered")
        if share(body, asked[body]) < MALFORMED:
            # Cut in the middle, not JSON, no choices, of another form.
            broken = [b'{"choices": [{"message": {"content": "Half', b"<html>", {}, {"choices": "none"}]
            return Told(broken[asked.total() % 4])
        return chat(f"Answer {share(body)}")

    with mock_server(answer) as server:
        given = {"engine": "openai", "model": "mock", "base_url": server.url}
        settings = Settings(prompts=str(prompts), out=str(run), rounds=1, **given)
        counts = asyncio.run(generate(settings))
    found = outcomes(run, REVISE)
    assert counts.pending == 0 and counts.done + counts.failed == 40
    assert counts.failed == len(found["failed"]) > 0
    refused = list(read_records(run / "failures.jsonl", Failure))
    assert all("this one is not answered" in failure.message for failure in refused)
    assert sum(times > 1 for times in asked.values()) > 3, "nothing was malformed"
    # One good answer for each call that was made.
    assert (run / "calls.jsonl").read_bytes().count(b"\n") == len(asked) - len(refused)


@pytest.mark.parametrize(
    ("threshold", "failed", "code"),
    [
        ("1", 3, 5),
        ("3", 3, 5),
        ("4", 3, 0),
        ("25%", 3, 5),
        ("25.1%", 3, 0),
        ("0.5%", 0, 0),
        ("1", 0, 0),
        ("100%", 3, 0),
    ],
)
def test_fail_on_sets_the_exit_code(
    tmp_path: Path, prompts: Path, cli: Cli, threshold: str, failed: int, code: int
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'number [0-2][?]', error: hung up}\n" if failed else "- {when: never, reply: x}\n")
    args = ("--prompts", prompts, "--out", "run", "--engine", "scripted", "--model", rules, "--rounds", 1)
    made = cli("generate", *args, "--fail-on", threshold)
    assert f"12 rows = {12 - failed} done + {failed} failed" in made.stdout
    assert made.returncode == code
    assert ("failed (see" in made.stderr) == bool(failed)


@pytest.mark.parametrize("threshold", ["0", "-1", "0%", "101%", "five", "", "5 %", "1.5", "1e3"])
def test_a_threshold_that_is_none_is_refused_before_anything_is_made(tmp_path: Path, threshold: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"--fail-on {threshold}: neither a number of rows")):
        check_fail_on(threshold)


def test_a_share_is_of_all_rows() -> None:
    counts = Counts(input=200, done=100, failed=10, filtered=40)
    assert [too_many(threshold, counts) for threshold in ("5%", "5.01%", "10", "11")] == [True, False, True, False]


def test_a_retry_with_nothing_failed_calls_nobody_and_one_of_no_run_is_refused(
    tmp_path: Path, prompts: Path, cli: Cli
) -> None:
    args = ("--prompts", prompts, "--out", "run", "--engine", "scripted", "--rounds", 1, "--retry-failed")
    refused = cli("generate", *args)
    assert refused.returncode == 4 and "no such folder" in refused.stderr
    assert not os.path.exists(tmp_path / "run")
    assert cli("generate", *args[:-1]).returncode == 0
    before = (tmp_path / "run" / "calls.jsonl").read_bytes()
    assert cli("generate", *args).returncode == 0
    assert (tmp_path / "run" / "calls.jsonl").read_bytes() == before


# --- a retry runs what failed, with what it failed with, and nothing else


@pytest.fixture
def judged(tmp_path: Path, generated: Callable[..., Path]) -> Path:
    """A run of twelve rows, three of which the judge fails on, and the rules of that judge."""
    (tmp_path / "bad.yaml").write_text("- {when: 'number [0-2][?]', error: hung up}\n", encoding="utf-8")
    (tmp_path / "good.yaml").write_text("- {when: never, reply: x}\n", encoding="utf-8")
    run = generated()
    asyncio.run(label_pairs(run, CompareSettings(pairs="revisions", judge=str(tmp_path / "bad.yaml"))))
    assert count(run, COMPARE).failed == 3
    return run


@pytest.mark.parametrize("flags", [("--replace",), ("--judge", "good.yaml"), ("--principles-per-pair", 2)])
def test_a_retry_with_other_settings_is_refused_and_the_failures_stay(
    judged: Path, cli: Cli, flags: tuple[object, ...]
) -> None:
    before = {path.name: path.read_bytes() for path in judged.glob("*.json*")}
    command = ["compare", judged, "--pairs", "revisions", "--judge", "bad.yaml", "--retry-failed", *flags]
    refused = cli(*command)
    assert refused.returncode in (2, 4), refused.stderr
    assert "--replace" in refused.stderr
    assert {path.name: path.read_bytes() for path in judged.glob("*.json*")} == before


def test_a_retry_of_rows_that_all_failed_does_not_begin_anew(tmp_path: Path, generated: Callable[..., Path]) -> None:
    (tmp_path / "bad.yaml").write_text("- {when: '', error: hung up}\n", encoding="utf-8")
    run = generated()
    settings = CompareSettings(pairs="revisions", judge=str(tmp_path / "bad.yaml"))
    asyncio.run(label_pairs(run, settings))
    (tmp_path / "bad.yaml").write_text("- {when: never, reply: x}\n", encoding="utf-8")
    with pytest.raises(RunError, match=re.escape("model (identity): revision")):
        asyncio.run(label_pairs(run, settings, retry_failed=True))
    assert count(run, COMPARE) == Counts(input=12, done=0, failed=12, filtered=0)


def test_a_retry_leaves_what_is_pending_in_the_second_stage(tmp_path: Path, faulty: dict[str, Any]) -> None:
    prompts, run = tmp_path / "prompts.jsonl", tmp_path / "run"
    prompts.write_text("".join(json.dumps({"id": f"r{n}", "prompt": f"Question {n}?"}) + "\n" for n in range(60)))
    compared = CompareSettings(pairs="revisions", principles_per_pair=1)
    settings = Settings(prompts=str(prompts), out=str(run), engine="scripted", rounds=1, attempts=1, compare=compared)
    asyncio.run(generate(settings.model_copy(update={"compare": None})))
    assert count(run).failed
    failed = outcomes(run, REVISE)["failed"]
    asyncio.run(label_pairs(run, compared.model_copy(update={"limit": 20})))
    judged = outcomes(run, COMPARE)
    faulty["well"] = True
    asyncio.run(generate(settings, retry_failed=True))
    assert count(run).failed == 0
    after = outcomes(run, COMPARE)
    assert after["done"] == judged["done"] | judged["failed"] | failed
    assert count(run, COMPARE).pending == 60 - len(after["done"]) > 20


@pytest.mark.parametrize("flags", [("--seed", 9), ("--rounds", 2)])
def test_a_retry_of_a_changed_run_is_refused_though_nothing_failed(
    generated: Callable[..., Path], prompts: Path, cli: Cli, flags: tuple[object, ...]
) -> None:
    run = generated()
    args = ("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--rounds", 1, "--retry-failed")
    refused = cli(*args, *flags)
    assert (refused.returncode, "made by other settings" in refused.stderr) == (4, True)


def test_progress_of_a_retry_is_told_in_a_few_lines(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: '', error: hung up}\n", encoding="utf-8")
    args = ("generate", "--prompts", prompts, "--out", "run", "--engine", "scripted", "--model", rules)
    for more in ((), ("--retry-failed",)):
        told = [line for line in cli(*args, *more).stderr.splitlines() if "/12 rows" in line]
        assert len(told) <= 2
        assert told[-1].startswith("12/12 rows")


def test_rows_that_failed_are_compared_anew_when_their_judge_is_mended(
    tmp_path: Path, generated: Callable[..., Path]
) -> None:
    # Two turns: who samples is as before, who judges is not.
    (tmp_path / "judge.yaml").write_text("- {when: 'number [0-2][?]', error: hung up}\n", encoding="utf-8")
    run = generated()
    settings = CompareSettings(judge=str(tmp_path / "judge.yaml"))
    assert asyncio.run(label_pairs(run, settings)).failed == 3
    (tmp_path / "judge.yaml").write_text("- {when: never, reply: x}\n", encoding="utf-8")
    assert asyncio.run(label_pairs(run, settings, replace=True)).done == 12
    assert count(run, COMPARE) == Counts(input=12, done=12, failed=0, filtered=0)


def test_rows_without_samples_have_failed_where_the_judge_is_replaced_too(
    tmp_path: Path, generated: Callable[..., Path]
) -> None:
    (tmp_path / "writer.yaml").write_text("- {when: 'number [0-2][?]', error: hung up}\n", encoding="utf-8")
    (tmp_path / "judge.yaml").write_text("- {when: never, reply: x}\n", encoding="utf-8")
    run = generated()
    settings = CompareSettings(models=(str(tmp_path / "writer.yaml"),), judge=str(tmp_path / "judge.yaml"))
    assert asyncio.run(label_pairs(run, settings)).failed == 3
    (tmp_path / "judge.yaml").write_text("- {when: never, reply: y}\n", encoding="utf-8")
    again = asyncio.run(label_pairs(run, settings, replace=True))
    assert again == count(run, COMPARE) == Counts(input=12, done=9, failed=3, filtered=0)


def test_rows_without_a_manifest_are_not_taken_for_those_of_another_run(generated: Callable[..., Path]) -> None:
    run = generated()
    asyncio.run(label_pairs(run, CompareSettings(pairs="revisions")))
    (run / "manifest.json").unlink()
    with pytest.raises(RunError, match=re.escape("holds transcripts.jsonl, but no manifest.json")):
        generated(temperature=2.0)
    assert not (run / "manifest.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": "1"}', b"[1]"])
def test_a_broken_manifest_is_told_in_plain_words(generated: Callable[..., Path], cli: Cli, content: bytes) -> None:
    run = generated()
    (run / "manifest.json").write_bytes(content)
    told = cli("status", run)
    assert told.returncode == 4
    assert "manifest.json: damaged: " in told.stderr and "Bring the file back from a copy" in told.stderr
    assert "pydantic" not in told.stderr


def test_a_fork_that_is_not_begun_has_nothing_to_retry(
    generated: Callable[..., Path], prompts: Path, cli: Cli, tmp_path: Path
) -> None:
    run = generated()
    args = ("generate", "--prompts", prompts, "--out", run, "--engine", "scripted", "--rounds", 1)
    refused = cli(*args, "--retry-failed", "--fork", "new")
    assert refused.returncode == 2 and "Leave out --retry-failed" in refused.stderr
    assert not (tmp_path / "new").exists()
