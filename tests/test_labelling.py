"""The RL stage of a run on the scripted engine: exact labels, models by turns, resuming, refusals."""

import asyncio
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constitution.config import CompareSettings, Settings
from constitution.counts import Counts
from constitution.errors import ConfigError, ModelError, PrinciplesError, RunError, SourceError
from constitution.labelling import label_pairs
from constitution.labelling_plan import plan_labelling
from constitution.manifest import COMPARE, load_manifest
from constitution.records import Comparison
from constitution.resources import shipped
from constitution.store import comparisons, transcripts

Generated = Callable[..., Path]


def labelled(run: Path, replace: bool = False, **settings: Any) -> list[Comparison]:
    asyncio.run(label_pairs(run, CompareSettings(**settings), replace=replace))
    return list(comparisons(run))


def rules(folder: Path, text: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def calls(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "compare-calls.jsonl").read_text("utf-8").splitlines()]


def test_the_soft_label_equals_a_hand_computation(generated: Generated, tmp_path: Path) -> None:
    # The judge gives A odds of 4 when the question names kindness, and of 1/9 when it names safety, in either order.
    principles = rules(
        tmp_path,
        "name: two\nversion: 1\ndescription: d\nprinciples:\n"
        "  - {id: kind, critique_request: c, revision_request: r, comparison: Which is kinder?}\n"
        "  - {id: safe, critique_request: c, revision_request: r, comparison: Which is safer?}\n",
        "two.yaml",
    )
    judge = rules(
        tmp_path,
        "- {when: kinder, choose: {A: 0.8, B: 0.2}}\n- {when: safer, choose: {A: 0.06, B: 0.54}}\n",
    )
    for one in labelled(
        generated(), judge=judge, principles=principles, principles_per_pair=2, order_gap=1.0, min_mass=0.5, tie=0.0
    ):
        # Odds forward: 4 and 1/9, so the root of 4/9; reversed: 1/4 and 9, so its inverse.
        assert one.p_forward == pytest.approx(2 / 5)
        assert one.p_reversed == pytest.approx(3 / 5)
        assert one.p == pytest.approx(1 / 2)
        assert {(v.principle, v.order): round(math.exp(v.logprob_a or 0), 9) for v in one.votes} == {
            ("kind", "forward"): 0.8,
            ("kind", "reversed"): 0.8,
            ("safe", "forward"): 0.06,
            ("safe", "reversed"): 0.06,
        }


def test_garbage_verdicts_are_invalid_and_the_stage_gives_up(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: '.', choose: {A: 0.0001, B: 0.0001}}\n")
    run = generated()
    with pytest.raises(ModelError, match="no verdict that can be read on 12 rows: A and B together") as bad:
        labelled(run, judge=judge)
    assert "--few-shots" in bad.value.hint
    assert {one.status for one in comparisons(run)} <= {"invalid"}
    # A second start does not spend a night on it either.
    made = len(calls(run))
    with pytest.raises(ModelError, match="no verdict"):
        labelled(run, judge=judge)
    assert len(calls(run)) == made


def test_some_garbage_is_invalid_and_the_rest_is_labelled(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: 'Question number 3', choose: {A: 1.0e-9, B: 1.0e-9}}\n")
    found = labelled(generated(), judge=judge)
    assert [one.row for one in found if one.status == "invalid"] == ["row-03"]
    assert [one.p is None for one in found] == [one.status == "invalid" for one in found]


def test_a_reasoning_judge_that_never_answers_is_named_with_its_words(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: 'step by step', reply: 'Both have their merits.'}\n")
    with pytest.raises(ModelError, match=r"ends without an answer: …Both have their merits\."):
        labelled(generated(), judge=judge, cot=True, cot_verdict="marker", cot_samples=2, principles_per_pair=1)


def test_chains_of_thought_are_kept_and_clamped(generated: Generated, tmp_path: Path) -> None:
    judge = rules(tmp_path, "- {when: 'step by step', reply: 'It is kind. The answer is (A).'}\n")
    found = labelled(generated(), judge=judge, cot=True, cot_verdict="marker", cot_samples=2, principles_per_pair=1)
    for one in found:
        assert (one.p_forward, one.p_reversed) == pytest.approx((0.6, 0.4))
        assert [len(vote.reasonings) for vote in one.votes] == [2, 2]
        assert one.votes[0].reasonings[0].completion.text == "It is kind. The answer is (A)."


@pytest.mark.parametrize(
    ("between", "sources"),
    [
        ("0:last", [("response", "revision-2")]),
        ("1:2", [("revision-1", "revision-2")]),
        ("last:0", [("revision-2", "response")]),
        ("all", [("response", "revision-1"), ("response", "revision-2"), ("revision-1", "revision-2")]),
    ],
)
def test_revisions_are_compared_as_asked(generated: Generated, between: str, sources: list[tuple[str, str]]) -> None:
    run = generated(rounds=2)
    found = labelled(run, pairs="revisions", between=between)
    texts = {one.id: [answer.text for answer in one.responses] for one in transcripts(run)}
    for one in found:
        for end in (one.first, one.second):
            place = 0 if end.source == "response" else int(end.source[-1])
            assert end.text == texts[one.row][place]
    for row in texts:
        assert [(one.first.source, one.second.source) for one in found if one.row == row] == sources


def test_samples_of_several_models_take_turns(generated: Generated, tmp_path: Path) -> None:
    one = rules(tmp_path, "- {when: '.', reply: from one}\n", "one.yaml")
    two = rules(tmp_path, "- {when: '.', reply: from two}\n", "two.yaml")
    found = labelled(generated(), samples=3, models=(one, two), judge="scripted")
    texts = {end.source: end.text for c in found for end in (c.first, c.second)}
    assert texts == {"sample-1": "from one", "sample-2": "from two", "sample-3": "from one"}
    assert {end.model for c in found for end in (c.first, c.second)} == {"one.yaml", "two.yaml"}
    assert [c.status for c in found if c.first.source == "sample-1" and c.second.source == "sample-3"] == ["tie"] * 12


def test_a_file_of_pairs_needs_no_run(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"{n}?", "chosen": "Yes.", "rejected": "No."} for n in range(5)]
    rows.append({"prompt": "6?", "chosen": "Yes.", "rejected": ""})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = tmp_path / "labels"
    counts = asyncio.run(label_pairs(run, CompareSettings(pairs="file", file=str(file), engine="scripted")))
    assert counts == Counts(input=6, done=5, failed=0, filtered=1)
    for one in comparisons(run):
        assert (one.first.text, one.second.text, one.gold) == ("Yes.", "No.", "first")


def test_the_principles_of_both_stages_are_kept_as_they_were(generated: Generated, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    shutil.copyfile(shipped("principles") / "helpfulness.yaml", file)
    run = generated(principles=str(file))
    # The judge is asked what the run began with, whatever became of the file.
    file.unlink()
    labelled(run)
    for manifest in (load_manifest(run), load_manifest(run, COMPARE)):
        assert manifest.principles is not None
        assert manifest.principles.name == "helpfulness"


# Refusals


def refused(error: type[Exception], run: Path, match: str, **settings: Any) -> Any:
    with pytest.raises(error, match=match) as bad:
        labelled(run, **settings)
    assert not (run / "comparisons.jsonl").exists()
    return bad.value


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    refused(RunError, tmp_path / "run", "not a run")


def test_a_run_without_transcripts_is_refused(generated: Generated, tmp_path: Path) -> None:
    model = rules(tmp_path, "- {when: '.', error: hung up}\n")
    bad = refused(RunError, generated(model=model), "holds no transcript yet")
    assert "constitution status" in bad.hint


def test_principles_without_a_comparison_are_named(generated: Generated, tmp_path: Path) -> None:
    principles = rules(
        tmp_path,
        "name: n\nversion: 1\ndescription: d\nprinciples:\n"
        "  - {id: one, critique_request: c, revision_request: r}\n"
        "  - {id: two, critique_request: c, revision_request: r, comparison: q}\n"
        "  - {id: three, critique_request: c, revision_request: r}\n",
        "lacking.yaml",
    )
    bad = refused(PrinciplesError, generated(), "these have none: one, three$", principles=principles)
    assert "--principles" in bad.hint


def test_a_judge_may_be_asked_principles_that_nobody_revises_by(generated: Generated, tmp_path: Path) -> None:
    principles = rules(
        tmp_path,
        "name: n\nversion: 1\ndescription: d\nprinciples:\n"
        "  - {id: calm, comparison: Which is calmer?}\n  - {id: kind, comparison: Which is kinder?}\n",
        "judge-only.yaml",
    )
    judge = rules(tmp_path, "- {when: 'Which is (calmer|kinder)', choose: {A: 0.8, B: 0.2}}\n")
    found = labelled(generated(), judge=judge, principles=principles, principles_per_pair=2)
    assert len(found) == 12
    assert {vote.principle for one in found for vote in one.votes} == {"calm", "kind"}
    assert [one.p_forward for one in found] == pytest.approx([0.8] * 12)


def test_rules_alone_are_nothing_to_ask_a_judge(generated: Generated, tmp_path: Path) -> None:
    alone = rules(
        tmp_path, "name: n\nversion: 1\ndescription: d\nrules: [{id: a, proposition: It is calm.}]\n", "alone.yaml"
    )
    refused(PrinciplesError, generated(), "holds rules and no principle", principles=alone)


def test_more_principles_a_pair_than_there_are_is_refused(generated: Generated) -> None:
    words = r"--principles-per-pair 99: more than there are principles in harmlessness \(20\)"
    refused(PrinciplesError, generated(), words, principles_per_pair=99)


@pytest.mark.parametrize("between", ["0:5", "1:1", "last:1"])
def test_revisions_that_the_run_has_not_are_refused(generated: Generated, between: str) -> None:
    refused(ConfigError, generated(), "from 0 .* to 1", pairs="revisions", between=between)


def test_a_file_and_its_flag_go_together(generated: Generated, tmp_path: Path) -> None:
    refused(ConfigError, generated(), "--pairs file: which one", pairs="file")
    refused(ConfigError, tmp_path / "run", "--file is read by --pairs file", file="x.jsonl")
    refused(SourceError, tmp_path / "run", "no such file", pairs="file", file="x.jsonl")


def test_a_sampling_model_that_fails_fails_its_rows_and_no_other(generated: Generated, tmp_path: Path) -> None:
    one = rules(tmp_path, "- {when: 'number 4', error: hung up}\n- {when: '.', reply: from one}\n", "one.yaml")
    two = rules(tmp_path, "- {when: '.', reply: from two}\n", "two.yaml")
    run = generated()
    found = labelled(run, models=(one, two), judge="scripted")
    assert {c.row for c in found} == {f"row-{n:02}" for n in range(12)} - {"row-04"}
    (failure,) = [json.loads(line) for line in (run / "compare-failures.jsonl").read_text("utf-8").splitlines()]
    assert (failure["id"], failure["step"]) == ("row-04", "sample-1")


@pytest.mark.parametrize(
    ("own", "judging", "models", "turns"),
    [
        ("chat", None, (), [("smollm2", False, ("smollm2",), True)]),
        ("chat", "transcript", (), [("smollm2", False, ("smollm2",), False), ("smollm2", True, (), True)]),
        ("transcript", None, ("a", "smollm2"), [("a", True, ("a",), False), ("smollm2", True, ("smollm2",), True)]),
        (
            "chat",
            None,
            ("a", "b"),
            [("a", False, ("a",), False), ("b", False, ("b",), False), ("smollm2", False, (), True)],
        ),
    ],
)
def test_models_take_turns_and_one_is_opened_once_unless_it_is_asked_in_two_ways(
    own: str, judging: str | None, models: tuple[str, ...], turns: list[tuple[str, bool, tuple[str, ...], bool]]
) -> None:
    base = Settings(prompts="p", out="o", templates=own)
    plan = plan_labelling(base, CompareSettings(templates=judging, models=models))
    found = [(turn.settings.model, turn.chat_template is not None, turn.samples, turn.judges) for turn in plan.turns]
    assert found == turns


def test_a_limit_counts_rows_of_the_input_whatever_is_finished(generated: Generated) -> None:
    run = generated()
    path = run / "transcripts.jsonl"
    finished = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in finished if b'"row-01"' not in line))
    assert {c.row for c in labelled(run, limit=3)} == {"row-00", "row-02"}
    path.write_bytes(b"".join(finished))
    assert {c.row for c in labelled(run, limit=3)} == {"row-00", "row-01", "row-02"}
    assert load_manifest(run, COMPARE).input == 3


def test_what_the_run_has_anyway_may_be_typed_out(generated: Generated) -> None:
    run = generated()
    labelled(run)
    assert len(labelled(run, engine="scripted", dtype="auto", judge="smollm2", models=("smollm2",))) == 12


def test_a_judge_that_cannot_be_read_is_told_even_if_other_rows_failed(generated: Generated, tmp_path: Path) -> None:
    text = "- {when: 'number [1-9]', error: hung up}\n- {when: '.', choose: {A: 0.0001, B: 0.0001}}\n"
    with pytest.raises(ModelError, match="on 1 row: A and B together"):
        labelled(generated(), pairs="revisions", judge=rules(tmp_path, text))
