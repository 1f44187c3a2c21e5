"""What a report tells of a run: each number against a hand computation, on every kind of run."""

import asyncio
import json
import math
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from big_runs import make_run
from exporting import comparison, judged, stored, transcript
from given_reviews import on_comparison
from scale import LONG

from constitution import CompareSettings, Settings, generate, label_pairs
from constitution.errors import RunError
from constitution.intervals import mean, share
from constitution.manifest import COMPARE, REVISE, load_manifest
from constitution.records import Call, Completion, Failure
from constitution.report.audit import audit
from constitution.report.coverage import coverage
from constitution.report.findings import Findings
from constitution.report.findings.by_revision import against_initial
from constitution.report.findings.cautions import stage_cautions
from constitution.report.findings.failure_groups import alike, failure_groups
from constitution.report.findings.finding import find
from constitution.report.findings.steps import Steps, covered, step_group
from constitution.report.page.commands import commands
from constitution.report.scores import summarise_scores
from constitution.reviews import Review, add_review, shown_of_comparison
from constitution.run import Run
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.store import comparisons

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

REFUSAL = "I can't help with that, as it is illegal."
PRINCIPLES = """\
name: mine
version: 1
description: Mine.
principles:
  - {id: kind, critique_request: Say what is rude., revision_request: Make it kind., comparison: Which is kinder?}
rules:
  - {id: helps, proposition: It helps a thief., weight: -2}
"""
# Questions of a judge first, as they hold the prompt too. The refusal has odds of 9 as (A), and of 7/3 as (B).
MODEL = f"""\
- {{when: '\\(A\\)\\]\\s*I can', choose: {{A: 0.9, B: 0.1}}}}
- {{when: 'Which is kinder', choose: {{A: 0.3, B: 0.7}}}}
- {{when: "I can't help[^~]*helps a thief", choose: {{'Yes': 0.1, 'No': 0.9}}}}
- {{when: 'helps a thief', choose: {{'Yes': 0.6, 'No': 0.4}}}}
- {{when: of tea, reply: Tea is good.}}
- {{when: steal, reply: Take the keys and go.}}
- {{when: opinion, reply: "I don't know."}}
- {{when: crash (17|18), error: "the server hung up at 0x7f3a after 17 seconds, said 'no'"}}
- {{when: crash, error: "the server hung up at 0x9b21 after 3 seconds, said 'so'"}}
- {{when: fire, error: "it burns"}}
- {{when: 'Say what is rude', reply: It is rude to say so.}}
- {{when: 'Make it kind', reply: "{REFUSAL}"}}
"""
PROMPTS = {
    "tea": "What of tea?",
    "car": "How do I steal a car?",
    "view": "Your opinion?",
    "c1": "crash 17",
    "c2": "crash 3",
    "f1": "fire",
    "none": " ",
}


def made(folder: Path, rounds: int = 2, prompts: dict[str, str] = PROMPTS, model: str = MODEL) -> Path:
    """Seven rows, if nothing else is given: three done, three failed, one filtered."""
    (folder / "mine.yaml").write_text(PRINCIPLES, encoding="utf-8")
    (folder / "model.yaml").write_text(model, encoding="utf-8")
    rows = [json.dumps({"id": id, "prompt": prompt}) + "\n" for id, prompt in prompts.items()]
    (folder / "prompts.jsonl").write_text("".join(rows), encoding="utf-8")
    settings = Settings(
        prompts=str(folder / "prompts.jsonl"),
        out=str(folder / "run"),
        engine="scripted",
        model=str(folder / "model.yaml"),
        principles=str(folder / "mine.yaml"),
        rounds=rounds,
    )
    asyncio.run(generate(settings))
    return folder / "run"


def compare(run: Path, **settings: Any) -> None:
    given = {"pairs": "revisions", "between": "all", "principles_per_pair": 1, "few_shots": 0, "tie": 0.0}
    asyncio.run(label_pairs(run, CompareSettings(**given | settings)))


def told(found: Findings, category: str) -> list[str]:
    """The rows of a category."""
    shown = [one for one in found.examples if one.category == category]
    return [one.transcript.id if one.transcript else one.comparison.row for one in shown]  # type: ignore[union-attr]


# The numbers of a small run


def test_a_run_without_a_judge_is_told_by_revision(tmp_path: Path) -> None:
    found = find(run := made(tmp_path))
    (stage,) = found.stages
    assert (stage.name, stage.model, stage.determinism) == ("SL stage", "model.yaml", "exact")
    assert stage.counts.equation == "7 rows = 3 done + 3 failed + 1 filtered + 0 pending"
    assert stage.filtered == {"empty prompt": 1}
    # Three rows, each a response and two rounds of critique and revision; a call that failed has no answer to journal.
    assert stage.calls == 3 * 5
    first, second, third = found.revisions
    assert [one.number for one in found.revisions] == [0, 1, 2]
    assert [one.rows for one in found.revisions] == [3, 3, 3]
    # Words, which are the scripted engine's tokens: "Tea is good." 3, "Take the keys and go." 5, "I don't know." 3.
    rows = ["tea", "car", "view"]
    assert first.tokens == mean([3, 5, 3], rows, 0, 256)
    assert second.tokens == third.tokens == mean([9, 9, 9], rows, 0, 256)
    assert (first.change, first.change_in_all, first.unchanged) == (None, None, None)
    # The refusal has eleven words and signs. It shares "is" and "." with the first, "." with the second, "I" and "."
    # with the third.
    changes = [1 - 2 * 2 / 15, 1 - 2 * 1 / 17, 1 - 2 * 2 / 15]
    assert second.change == second.change_in_all == third.change_in_all == mean(changes, rows, 0, 1)
    assert third.change == mean([0, 0, 0], rows, 0, 1)
    assert (second.unchanged, third.unchanged) == (share([0, 0, 0], rows), share([1, 1, 1], rows))
    assert [one.refusals for one in found.revisions] == [share(those, rows) for those in ([0] * 3, [1] * 3, [1] * 3)]
    assert [one.evasions for one in found.revisions] == [share(those, rows) for those in ([0, 0, 1], [0] * 3, [0] * 3)]
    assert [one.cut for one in found.revisions] == [share([0, 0, 0], rows)] * 3
    assert [one.beats for one in found.revisions] == [one.reward for one in found.revisions] == [None] * 3
    assert (found.audit, found.agreement, found.scores) == (None, None, None)
    assert found.coverage == coverage(run)
    assert [(one.stage, one.step, one.calls) for one in found.steps] == [
        ("SL stage", step, 3) for step in ("respond", "critique-1", "revise-1", "critique-2", "revise-2")
    ]
    # "It is rude to say so." has six words.
    assert [one.completion_tokens for one in found.steps] == [11, 18, 27, 18, 27]
    assert found.run == "run"


def test_failures_are_grouped_and_rows_to_read_are_chosen(tmp_path: Path) -> None:
    found = find(made(tmp_path))
    crash, fire = found.failures
    assert (crash.stage, crash.kind, crash.step, crash.count) == ("SL stage", "CallError", "respond", 2)
    assert crash.rows == ("c1", "c2")
    assert crash.message in (
        "the server hung up at 0x7f3a after 17 seconds, said 'no'",
        "the server hung up at 0x9b21 after 3 seconds, said 'so'",
    )
    assert (fire.count, fire.rows, fire.message) == (1, ("f1",), "it burns")
    assert {category: told(found, category) for category in ("best", "worst", "unchanged", "most contested")} == {
        "best": [],
        "worst": [],
        "unchanged": [],
        "most contested": [],
    }
    assert told(found, "most changed")[0] == "car"
    assert sorted(told(found, "most changed")) == ["car", "tea", "view"]
    assert found.examples[0].why == "88% of the words changed from the initial response to the last revision"


@pytest.mark.parametrize("between", ["all", "0:last", "last:0"])
def test_a_judge_tells_how_often_revisions_beat_the_initial_response(tmp_path: Path, between: str) -> None:
    compare(run := made(tmp_path), between=between)
    found = find(run)
    rows = ["tea", "car", "view"]
    # Odds for the revision: 7/3 where it is shown as (B), 9 as (A); averaged as logits, whichever comes first.
    odds = math.sqrt(7 / 3 * 9)
    expected = mean([odds / (1 + odds)] * 3, rows, 0, 1)
    assert expected is not None
    beats = [one.beats for one in found.revisions]
    assert beats[0] is None
    for one in beats[1:] if between == "all" else beats[2:]:
        assert one is not None
        assert one.model_dump() == pytest.approx(expected.model_dump())
    assert (beats[1] is None) == (between != "all")
    assert [one.name for one in found.stages] == ["SL stage", "RL stage"]
    assert found.audit == audit(comparisons(run))
    judge = found.steps[-1]
    # Two orders of each pair; the two revisions are one text, which nobody is asked about.
    pairs = 2 if between == "all" else 1
    assert (judge.stage, judge.step, judge.calls) == ("RL stage", "judge", 3 * pairs * 2)
    assert (judge.prompt_tokens, judge.completion_tokens) == (None, None)
    assert sorted(told(found, "best")) == ["car", "tea", "view"]
    assert found.examples[0].why == f"p = {odds / (1 + odds):.3f} that revision 2 is better than the initial response"
    assert told(found, "worst") == []
    # No row is shown twice while there are others, and there are none.
    contested = [one for one in found.examples if one.category == "most contested"]
    assert len(contested) == 3
    for one in contested:
        assert one.comparison is not None and one.comparison.votes
    assert not [one for one in found.warnings if "no judge" in one.text]


def test_rewards_are_told_by_revision(tmp_path: Path) -> None:
    run = made(tmp_path)
    asyncio.run(score_run(run, ScoreSettings(few_shots=0)))
    found = find(run)
    rows = ["tea", "car", "view"]
    for one, reward in zip(found.revisions, (-1.2, -0.2, -0.2), strict=True):
        expected = mean([reward] * 3, rows, -2, 0)
        assert one.reward and expected
        assert one.reward.model_dump() == pytest.approx(expected.model_dump())
    assert found.scores == summarise_scores(run)
    # Without a judge of pairs, the gain in reward says which rows are best.
    assert len(told(found, "best")) == 3
    assert found.examples[0].why == "reward -1.200 of the initial response, -0.200 of the last revision"
    assert [one.step for one in found.steps if one.stage == "rules"] == ["score"]
    assert found.stages[-1].name == "rules"


def test_rewards_have_one_interval_wherever_they_are_told(tmp_path: Path) -> None:
    # Three rows of one prompt are one witness, not three.
    prompts = {"a": "What of tea?", "b": "What of tea?", "c": "What of tea?", "car": "Steal: how to steal?"}
    surer = "- {when: 'Take the keys[^~]*helps a thief', choose: {'Yes': 0.9, 'No': 0.1}}\n"
    run = made(tmp_path, prompts=prompts, model=surer + MODEL)
    asyncio.run(score_run(run, ScoreSettings(few_shots=0, on="responses")))
    found = find(run)
    first, _, last = found.revisions
    assert found.scores and first.reward and last.reward
    assert (found.scores.before, found.scores.after) == (first.reward, last.reward)
    expected = mean([-1.2, -1.2, -1.2, -1.8], ["tea", "tea", "tea", "car"], -2, 0)
    assert expected and first.reward.model_dump() == pytest.approx(expected.model_dump())
    gained = mean([1.0, 1.0, 1.0, 1.6], ["tea", "tea", "tea", "car"], -2, 2)
    assert found.scores.gain and gained
    assert found.scores.gain.model_dump() == pytest.approx(gained.model_dump())


def test_the_last_revision_that_was_judged_gives_the_best_and_the_worst(tmp_path: Path) -> None:
    compare(run := made(tmp_path), between="0:1")
    found = find(run)
    assert found.revisions[1].beats and not found.revisions[2].beats
    assert sorted(told(found, "best")) == ["car", "tea", "view"]
    assert "that revision 1 is better" in found.examples[0].why


def test_time_is_told_of_calls_that_tell_it() -> None:
    found = Steps()
    assert (found.numbers(), found.seconds()) == ((), None)
    assert covered([0, 1, 10, 2], [3, 2, 11, 5]) == 5 + 1
    assert covered([5], [5]) == 0
    # What a long call covers is not counted again, whatever ends in between.
    assert covered([0, 1, 4, 20], [10, 2, 5, 21]) == 11


def test_steps_are_read_from_the_journals(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Why?", "One.", "Two.")])
    with Run(run) as writer:
        writer.begin(load(run))
        for number in range(20):
            writer.keep(a_call(number, "respond", began=100 + 2 * number, seconds=float(number)))
        writer.keep(a_call(20, "respond"))
        writer.keep(a_call(21, "revise-10", began=1000.0, seconds=2.0))
        writer.keep(a_call(22, "critique-2"))
    found = find(run)
    critique, respond, revise = sorted(found.steps, key=lambda one: one.step)
    assert [one.step for one in found.steps] == ["respond", "critique-2", "revise-10"]
    assert (respond.calls, respond.prompt_tokens, respond.completion_tokens) == (21, 63, 42)
    assert (respond.seconds, respond.median, respond.p95) == (sum(range(20)), 9.5, 18.0)
    assert (critique.calls, critique.seconds, critique.median, critique.p95) == (1, None, None, None)
    assert (revise.median, revise.p95) == (2.0, 2.0)
    # From the third on, each is under way until the next one begins, two seconds later: 104 to 157. The second one
    # takes 1 s before that, and the last one 2 s long after.
    assert found.seconds == pytest.approx(53 + 1 + 2)


def a_call(number: int, step: str, began: float | None = None, seconds: float | None = None) -> Call:
    said = Completion(text="x", finish_reason="stop", prompt_tokens=3, completion_tokens=2)
    return Call(
        row=f"row-{number}",
        index=number,
        step=step,
        digest=f"{number}",
        completion=said,
        began=began,
        seconds=seconds,
    )


def load(run: Path) -> Any:
    from constitution.manifest import load_manifest

    return load_manifest(run)


@pytest.mark.parametrize(
    ("step", "group"),
    [
        ("sample-12", "sample"),
        ("response:revision-1/kind/forward", "judge"),
        ("response:revision-1/kind/forward/1/reason", "reason"),
        ("response:revision-1/kind/forward/1/verdict", "judge"),
        # A principle may be called so.
        ("response:revision-1/reason/reversed", "judge"),
    ],
)
def test_calls_of_a_judge_are_one_group(step: str, group: str) -> None:
    assert step_group(COMPARE, step) == group


# Failures


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("needs 312 tokens", "needs 9 tokens"),
        ("no answer from 'http://a/v1'", "no answer from 'http://b/v1'"),
        ('said "no" to it', 'said "a whole sentence" to it'),
        ("request req_8f3ab failed", "request req_901cc failed"),
        ("at 0x7f3a 3f2504e0-4f89-11d3-9a0c", "at 0x9b21 6fa459ea-ee8a-3ca4-894e"),
        ("row-a broke", "row-b broke"),
        ("refused (400): 312 tokens (311 of them read)", "refused (400): 9 tokens (8 of them read)"),
        ("row-a:123: no", "row-b:456: no"),
        ("说了「不」", "说了「好的」"),
        ("one\nand more", "one\nand other things"),
    ],
)
def test_messages_that_differ_in_numbers_and_quoted_texts_are_alike(one: str, other: str) -> None:
    rows = [
        Failure(id=f"row-{n}", index=0, step="s", kind="k", message=said)
        for n, said in zip("ab", (one, other), strict=True)
    ]
    assert alike(rows[0]) == alike(rows[1])


def test_other_messages_are_not_alike() -> None:
    said = ["can't connect, don't know why", "can't read, don't know why", "needs 312 tokens", "needs 312 words"]
    said += [
        "the server refused the request (401): no",
        "the server refused the request (404): no",
        "503: no",
        "429: no",
    ]
    rows = [Failure(id="a", index=0, step="s", kind="k", message=one) for one in said]
    assert len({alike(one) for one in rows}) == len(said)


def test_groups_are_ordered_by_how_many_rows_they_hold() -> None:
    rows = [
        Failure(id=f"{n}", index=n, step=step, kind=kind, message=message)
        for n, (step, kind, message) in enumerate(
            [
                ("revise-1", "EmptyCompletion", "said nothing"),
                ("revise-2", "CallError", "refused after 3 s"),
                ("revise-1", "CallError", "refused after 12 s"),
                ("critique-1", "CallError", "refused after 12 s"),
            ]
        )
    ]
    found = failure_groups("SL stage", REVISE, reversed(rows))
    assert [(one.kind, one.step, one.count, one.rows) for one in found] == [
        ("CallError", "revise", 2, ("1", "2")),
        ("CallError", "critique", 1, ("3",)),
        ("EmptyCompletion", "revise", 1, ("0",)),
    ]
    assert found[0].message == "refused after 12 s"


# Kinds of run


def test_only_pairs_of_the_initial_response_and_a_revision_count() -> None:
    def against(p: float | None, *sources: str) -> Any:
        status = "invalid" if p is None else "labelled"
        return against_initial(comparison(0, "Q?", "One.", "Two.", p, status=status, sources=sources))  # type: ignore

    assert against(0.8, "response", "revision-2") == (2, pytest.approx(0.2))
    assert against(0.8, "revision-2", "response") == (2, 0.8)
    assert against(0.8, "revision-1", "revision-2") is None
    assert against(0.8, "sample-1", "response") is None
    assert against(0.8, "sample-1", "sample-2") is None
    assert against(None, "response", "revision-1") is None


def test_a_run_of_pairs_alone_is_told(tmp_path: Path) -> None:
    pairs = [comparison(n, f"Question {n}?", f"First {n}.", f"Second {n}.", 0.1 * n) for n in range(1, 9)]
    found = find(judged(tmp_path / "run", pairs))
    assert [one.name for one in found.stages] == ["RL stage"]
    assert (found.revisions, found.steps, found.seconds, found.scores) == ((), (), None, None)
    assert found.audit is not None and found.coverage is not None
    assert {one.category for one in found.examples} == {"most contested"}
    assert len(found.examples) == 3
    assert all(one.transcript is None and one.comparison for one in found.examples)


def test_a_run_whose_rows_all_failed_is_told(tmp_path: Path) -> None:
    rows = [Failure(id=f"row-{n}", index=n, step="respond", kind="CallError", message="no") for n in range(3)]
    found = find(run := stored(tmp_path / "run", rows))
    assert (found.revisions, found.coverage, found.examples) == ((), None, ())
    assert [one.count for one in found.failures] == [3]
    (warning,) = found.warnings
    assert warning.text == "SL stage: 3 of 3 rows failed; run them again with"
    assert warning.command == (
        f"constitution generate --out {run} --prompts /home/me/prompts.jsonl --engine scripted --retry-failed"
    )
    assert warning.told == f"{warning.text}: {warning.command}"


def test_a_run_without_an_outcome_says_what_to_type(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [], input=5)
    with pytest.raises(RunError, match=r"run: no row is finished yet") as bad:
        find(run)
    assert bad.value.hint == f"See where the run is with: constitution status {run}"
    with pytest.raises(RunError, match="no such folder"):
        find(tmp_path / "other")


def test_a_run_that_is_being_written_is_told_and_a_damaged_one_names_the_line(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(n, f"Q{n}?", "One.", "Two.") for n in range(3)], input=9)
    before = find(run)
    journal = run / REVISE.outcomes
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines(keepends=True)[0][:40])
    assert find(run) == before
    assert before.warnings[0].text.startswith("SL stage: not finished, 9 rows = 3 done")
    journal.write_bytes(whole.replace(b"Two.", b"Too.", 2))
    with pytest.raises(RunError, match=r"transcripts\.jsonl:1: damaged"):
        find(run)


# What a reader must know first


def test_the_commands_of_warnings_are_those_that_help(tmp_path: Path, cli: Cli) -> None:
    run = made(tmp_path)
    failed, judge = find(run).warnings
    assert failed.text == "SL stage: 3 of 7 rows failed; run them again with"
    again = cli(*shlex.split(failed.command)[1:])
    # The same three rows fail again; nothing differs from the settings that the run was begun with.
    assert (again.returncode, "3 failed" in again.stdout) == (5, True), again.stderr
    assert judge.text == "no judge has compared revisions with initial responses yet; that makes"
    # Where the page says what is missing, it says the same.
    assert judge.command == commands(find(run), str(run)).better
    typed = shlex.split(judge.command)[1:]
    assert typed[-4:] == ["--pairs", "revisions", "--between", "all"]
    asked = cli(*typed, "--principles-per-pair", "1", "--few-shots", "0")
    assert asked.returncode == 0, asked.stderr
    found = find(run)
    assert all(one.beats for one in found.revisions[1:])
    assert not [one for one in found.warnings if "no judge" in one.text]


def test_control_strings_are_told_with_what_tells_more_of_them(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Q?", "One.", "Two.")])
    (numbers,) = find(run).stages
    (caution,) = stage_cautions(run, REVISE, load_manifest(run), numbers, 6)
    assert caution.text == "SL stage: 6 control strings in texts for a server; this tells of them"
    assert caution.command == f"constitution status {run}"


def test_settings_of_another_version_hide_no_number(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", [transcript(0, "Q?", "One.", "Two.")], input=2)
    manifest = json.loads((run / REVISE.manifest).read_text(encoding="utf-8"))
    manifest["settings"]["nonsense"] = 1
    (run / REVISE.manifest).write_text(json.dumps(manifest), encoding="utf-8")
    found = find(run)
    assert found.revisions[0].rows == 1
    assert found.warnings[0].told.endswith("1 pending; go on with the command that began it")


def test_comparisons_of_samples_leave_revisions_unjudged(tmp_path: Path) -> None:
    compare(run := made(tmp_path), pairs="samples", between="0:last")
    (warning,) = [one for one in find(run).warnings if "no comparison is of a revision" in one.text]
    assert warning.command == f"constitution compare {run} --pairs revisions --between all --replace"


def test_many_cut_answers_and_growing_evasion_are_told(tmp_path: Path) -> None:
    rows = [
        transcript(n, f"Q{n}?", "Tea is good.", "I can't answer that.", cut=[1] if n < 3 else []) for n in range(20)
    ]
    found = find(stored(tmp_path / "run", rows))
    told = [one.told for one in found.warnings]
    assert "15% of revision 1 end in mid-sentence, at --max-tokens 256: give more in another run" in told
    assert "revising makes responses evasive: 0.0% at first, 100.0% in the end" in told


# Rows to read


def test_rows_to_read_are_the_extreme_ones_and_no_row_is_shown_twice(tmp_path: Path) -> None:
    rows, pairs = [], []
    for n in range(30):
        after = "Tea is good." if n >= 25 else " ".join(["Coffee"] * (n + 1))
        rows.append(transcript(n, f"Q{n}?", "Tea is good.", after))
        sources = ("response", "revision-1")
        if n < 25:
            pairs.append(comparison(n, f"Q{n}?", "Tea is good.", after, 0.02 + 0.04 * n, sources=sources))
    found = find(judged(stored(tmp_path / "run", rows), pairs))
    names = {
        category: told(found, category) for category in ("best", "worst", "most changed", "unchanged", "most contested")
    }
    # p of the revision falls from 0.98 to 0.02.
    assert names["best"] == ["row-0", "row-1", "row-2"]
    assert names["worst"] == ["row-24", "row-23", "row-22"]
    assert set(names["unchanged"]) < {f"row-{n}" for n in range(25, 30)}
    assert "row-12" in names["most contested"]
    shown = [row for several in names.values() for row in several]
    assert len(shown) == len(set(shown)) == 15
    assert [one.category for one in found.examples] == [category for category in names for _ in range(3)]
    assert found == find(tmp_path / "run")
    assert all(one.transcript for one in found.examples)


def test_a_row_with_several_contested_comparisons_is_shown_once(tmp_path: Path) -> None:
    one, other = ("Q0?", "One.", "Two."), ("Q1?", "One.", "Two.")
    pairs = [
        comparison(0, *one, 0.5, sources=(f"sample-{n}", f"sample-{n + 1}"), pairs=3, status="tie") for n in range(3)
    ]
    found = find(judged(tmp_path / "run", [*pairs, comparison(1, *other, 0.9)]))
    assert sorted(told(found, "most contested")) == ["row-0", "row-1"]


def test_what_people_said_is_told(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", [pair := comparison(0, "Q?", "One.", "Two.", 0.9)])
    assert find(run).agreement is None
    review = Review(
        id=pair.id,
        row=pair.row,
        index=0,
        shown=shown_of_comparison(pair),
        reviewer="ada",
        at="2026-01-02T03:04:05+00:00",
        verdict="first",
        as_a="second",
    )
    add_review(run, review)
    found = find(run).agreement
    assert found is not None
    assert [one.name for one in found.reviewers] == ["ada"]


def test_what_agreement_warns_of_is_told_without_names(tmp_path: Path) -> None:
    pairs = [comparison(row, f"Q{row}?", "One.", "Two.", 0.9) for row in range(24)]
    run = judged(tmp_path / "run", pairs)
    for one in pairs:
        on_comparison(run, one, "ada", "second", "second")
    texts = [one.text for one in find(run).warnings]
    assert [text for text in texts if text.startswith("people: ")] == [
        "people: nothing shows that reviewer 1 and the AI prefer the same response more often than by chance "
        "(comparisons in which both prefer one: 24)",
        "people: reviewer 1 nearly always prefers the response shown as A",
    ]
    assert not any("ada" in text for text in texts)


def test_a_judge_of_its_own_responses_is_told(tmp_path: Path) -> None:
    own = "judge: it is the model that wrote the responses, and may favour its own"
    run = made(tmp_path)
    assert own not in [one.text for one in find(run).warnings]
    asyncio.run(label_pairs(run, CompareSettings(pairs="revisions", principles_per_pair=1, few_shots=0)))
    assert own in [one.text for one in find(run).warnings]
    other = stored(tmp_path / "other", [transcript(0, "Q0?", "One.", "Two.")])
    judged(other, [comparison(0, "Q0?", "One.", "Two.", 0.9)])
    assert own not in [one.text for one in find(other).warnings]


# Large runs


def test_a_large_run_takes_seconds_and_holds_no_texts(tmp_path: Path) -> None:
    rows = 10_000 if LONG else 300
    make_run(tmp_path / "run", rows)
    script = (
        "import resource, sys, time; from pathlib import Path\n"
        "from constitution.report.findings.finding import find\n"
        "before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()\n"
        "found = find(Path(sys.argv[1]))\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(found.stages[0].counts.done, found.stages[1].counts.done, time.process_time() - began, grown // 1024)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run")], capture_output=True, encoding="utf-8", timeout=300
    )
    assert told.returncode == 0, told.stderr
    done, compared, seconds, grown = told.stdout.split()
    filtered_or_failed = sum(n % 97 == 96 or n % 193 == 192 for n in range(rows))
    assert int(done) == int(compared) == rows - filtered_or_failed
    assert float(seconds) < (60 if LONG else 10)
    # The journals are 14 MB for each thousand rows.
    assert int(grown) < 60
