"""Comparisons stopped, gone on with, grown, replaced: no call is made twice, no comparison is lost or doubled."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM

from constitution.config import CompareSettings
from constitution.counts import Counts
from constitution.errors import ConfigError, RunError, TemplateError
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE
from constitution.model_settings import ModelSettings
from constitution.report.labels import summarise_labels
from constitution.runner import State
from constitution.store import comparisons, count

Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]


def label(run: Path, replace: bool = False, **settings: Any) -> Counts:
    return asyncio.run(label_pairs(run, CompareSettings(**settings), replace=replace))


def content(run: Path) -> list[str]:
    return [one.model_dump_json() for one in comparisons(run)]


def test_a_finished_stage_makes_no_call_again(generated: Generated, lines: Lines) -> None:
    run = generated()
    label(run, samples=3)
    before, calls = content(run), len(lines(run / "compare-calls.jsonl"))
    # Three samples, and three pairs by four principles in two orders.
    assert calls == 12 * (3 + 3 * 8)
    label(run, samples=3)
    assert (content(run), len(lines(run / "compare-calls.jsonl"))) == (before, calls)


def test_a_row_stopped_between_two_of_its_comparisons_goes_on_there(generated: Generated, lines: Lines) -> None:
    run = generated()
    label(run, samples=3)
    whole, calls = content(run), len(lines(run / "compare-calls.jsonl"))
    path = run / "comparisons.jsonl"
    # The last row has one of its three lines, and a torn second one.
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]) + b'{"id":"row-1')
    assert count(run, COMPARE) == Counts(input=12, done=11, failed=0, filtered=0)
    label(run, samples=3)
    assert (content(run), len(lines(run / "compare-calls.jsonl"))) == (whole, calls)


def test_killed_and_started_again_it_gives_the_same_comparisons(
    generated: Generated, lines: Lines, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'Answer with one letter', seconds: 0.02}\n", encoding="utf-8")
    settings = {"samples": 3, "judge": str(rules), "concurrency": 4}
    whole = generated("whole")
    label(whole, **settings)
    run = generated("run")
    command = [PROGRAM, "compare", run, "--samples", "3", "--judge", rules, "--concurrency", "4", "--quiet"]
    for _ in range(3):
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        journal = run / "compare-calls.jsonl"
        before = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > before + 4000):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert count(run, COMPARE).pending > 0
    label(run, **settings)
    assert content(run) == content(whole)
    made = [(call["row"], call["step"], call["digest"]) for call in lines(run / "compare-calls.jsonl")]
    assert len(made) == len(set(made)) == 12 * (3 + 3 * 8)


def test_other_settings_are_refused_with_each_difference_and_replaced_on_demand(
    generated: Generated, lines: Lines
) -> None:
    run = generated()
    label(run, principles_per_pair=2)
    calls = len(lines(run / "compare-calls.jsonl"))
    before = content(run)
    with pytest.raises(RunError, match=r"principles_per_pair: 2 → 4") as bad:
        label(run, principles_per_pair=4, tie=0.01)
    assert "--replace" in bad.value.hint
    assert content(run) == before
    label(run, replace=True, principles_per_pair=4)
    assert all(len(one.votes) == 8 for one in comparisons(run))
    # The samples and the first two principles' votes are found in the journal.
    assert len(lines(run / "compare-calls.jsonl")) == calls + 12 * 4


def test_concurrency_changes_no_label(generated: Generated) -> None:
    one, other = generated("one"), generated("other")
    label(one, concurrency=1, samples=3)
    label(other, concurrency=64, samples=3)
    assert content(one) == content(other)


def test_rows_that_were_finished_later_are_compared_later(generated: Generated, lines: Lines) -> None:
    run = generated()
    path = run / "transcripts.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[:5]))
    assert label(run) == Counts(input=5, done=5, failed=0, filtered=0)
    path.write_bytes(b"".join(rows))
    assert label(run) == Counts(input=12, done=12, failed=0, filtered=0)
    assert count(run, COMPARE).input == 12


def test_a_row_whose_call_fails_is_tried_again_when_asked(generated: Generated, tmp_path: Path) -> None:
    run = generated()
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {when: 'Question number 7', error: hung up}\n", encoding="utf-8")
    settings = {"pairs": "revisions", "judge": str(rules)}
    assert label(run, **settings) == Counts(input=12, done=11, failed=1, filtered=0)
    (failure,) = [json.loads(line) for line in (run / "compare-failures.jsonl").read_text("utf-8").splitlines()]
    assert (failure["id"], failure["kind"], failure["message"]) == ("row-07", "CallError", "hung up")
    assert failure["step"].startswith("response:revision-1/") and failure["step"].endswith(("/forward", "/reversed"))
    assert label(run, **settings).failed == 1
    assert len((run / "compare-failures.jsonl").read_text("utf-8").splitlines()) == 1
    again = asyncio.run(label_pairs(run, CompareSettings(**settings), retry_failed=True))
    assert again == Counts(input=12, done=11, failed=1, filtered=0)
    assert len((run / "compare-failures.jsonl").read_text("utf-8").splitlines()) == 2


def test_generate_goes_on_with_the_second_stage_when_asked(generated: Generated) -> None:
    run = generated(compare=CompareSettings(samples=2))
    assert count(run, COMPARE) == Counts(input=12, done=12, failed=0, filtered=0)


def test_calls_are_counted_once_though_the_judge_has_a_turn_of_its_own(generated: Generated, tmp_path: Path) -> None:
    run = generated()
    rules = tmp_path / "rules.yaml"
    rules.write_text("[]\n", encoding="utf-8")
    settings = CompareSettings(samples=2, judge=str(rules), concurrency=8)
    states: list[State] = []
    asyncio.run(label_pairs(run, settings, states.append))
    # Two samples, and two orders of four principles.
    assert max(state.calls for state in states) == states[-1].calls == states[-1].calls_expected == 12 * (2 + 8)
    assert states[-1].calls == states[-1].calls_made


def test_replacing_by_a_judge_that_is_not_there_loses_nothing(generated: Generated) -> None:
    run = generated()
    label(run)
    before = content(run)
    with pytest.raises(ConfigError, match=r"nothing\.yaml: no such file"):
        label(run, replace=True, judge="nothing.yaml", samples=3)
    assert content(run) == before
    assert label(run) == Counts(input=12, done=12, failed=0, filtered=0)


def test_what_is_replaced_is_set_aside_and_can_be_had_again_without_a_call(generated: Generated, lines: Lines) -> None:
    run = generated()
    label(run)
    before = content(run)
    label(run, replace=True, tie=0.2)
    assert len(lines(run / "replaced" / "1" / "comparisons.jsonl")) == 12
    assert content(run) != before
    calls = len(lines(run / "compare-calls.jsonl"))
    label(run, replace=True)
    assert content(run) == before
    assert len(lines(run / "compare-calls.jsonl")) == calls
    # Nothing differs any more: there is nothing to set aside.
    label(run, replace=True)
    assert sorted(path.name for path in (run / "replaced").iterdir()) == ["1", "2"]


def test_a_judge_of_the_same_name_with_other_words_is_another_judge(generated: Generated, tmp_path: Path) -> None:
    run, judge, sampler = generated(), tmp_path / "judge.yaml", tmp_path / "sampler.yaml"
    sampler.write_text("[]", encoding="utf-8")
    settings = {"judge": str(judge), "models": (str(sampler),)}
    judge.write_text("- {when: 'one letter', choose: {A: 0.6, B: 0.4}}\n", encoding="utf-8")
    label(run, **settings)
    before = content(run)
    judge.write_text("- {when: 'one letter', choose: {A: 0.4, B: 0.6}}\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"model \(identity\)"):
        label(run, **settings)
    assert content(run) == before
    assert label(run, replace=True, **settings).done == 12
    assert content(run) != before


def test_a_judge_that_is_not_there_is_told_before_anything_is_sampled(generated: Generated, tmp_path: Path) -> None:
    run, sampler = generated(), tmp_path / "sampler.yaml"
    sampler.write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match="no such file"):
        label(run, models=(str(sampler),), judge="nothing.yaml")
    assert not (run / "compare-calls.jsonl").exists()
    assert label(run).done == 12


def test_a_stage_stopped_before_its_judge_was_loaded_can_be_looked_at_and_begun_anew(
    generated: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sampler, judge = generated(), tmp_path / "sampler.yaml", tmp_path / "judge.yaml"
    sampler.write_text("[]", encoding="utf-8")
    judge.write_text("[]", encoding="utf-8")

    # The judge's file goes away while the other model samples.
    async def looked_before_it_went(settings: ModelSettings, role: str) -> None:
        pass

    monkeypatch.setattr("constitution.labelling.check_role", looked_before_it_went)
    judge.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        label(run, models=(str(sampler),), judge=str(judge))
    assert summarise_labels(run).judge == str(judge)
    assert count(run, COMPARE) == Counts(input=12, done=0, failed=0, filtered=0)
    # Nothing was compared yet, so other settings spoil nothing.
    assert label(run).done == 12


def test_a_limit_can_be_raised(generated: Generated) -> None:
    run = generated()
    assert label(run, limit=5) == Counts(input=5, done=5, failed=0, filtered=0)
    assert label(run) == Counts(input=12, done=12, failed=0, filtered=0)
    assert label(run, limit=3) == Counts(input=12, done=12, failed=0, filtered=0)


def test_a_fork_takes_over_the_calls_of_both_stages(generated: Generated, lines: Lines) -> None:
    small = generated("small", limit=8, compare=CompareSettings())
    large = generated("large", limit=10, compare=CompareSettings(), reuse=small)
    alone = generated("alone", limit=10, compare=CompareSettings())
    assert content(large) == content(alone)
    made = {(call["row"], call["digest"]) for call in lines(small / "compare-calls.jsonl")}
    taken = {(call["row"], call["digest"]) for call in lines(large / "compare-calls.jsonl")}
    # Eight rows were paid for: two samples and eight votes each.
    assert made <= taken and len(taken - made) == 2 * 10


def test_what_the_second_stage_lacks_is_told_before_the_first_one_runs(generated: Generated, tmp_path: Path) -> None:
    for settings in ({"pairs": "file"}, {"pairs": "revisions", "between": "0:9"}, {"few_shots": 99}):
        with pytest.raises((ConfigError, TemplateError)):
            generated("early", compare=CompareSettings(**settings))
        assert not (tmp_path / "early").exists()
