"""Contextual calibration: what is asked, what is subtracted, what is recorded, and what is refused."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from constitution.compare import Judge, compare
from constitution.config import CompareSettings, Settings
from constitution.errors import ConfigError, SettingsDiffer
from constitution.judging import CONTENT_FREE, load_judge_templates
from constitution.labelling import label_pairs
from constitution.labelling_plan import plan_labelling
from constitution.manifest import COMPARE, load_manifest
from constitution.principles import load_principles
from constitution.records import Candidate, Choice, Comparison, Message, Prompt, Vote
from constitution.report.audit import audit
from constitution.store import comparisons, count
from constitution.votes import Thresholds, bias_of, sigmoid, weighed

Generated = Callable[..., Path]
PROMPT = Prompt(id="row", index=0, messages=(Message(role="user", content="Why?"),))


def choice(p_a: float, mass: float = 1.0) -> Choice:
    return Choice(logprobs=(math.log(mass * p_a), math.log(mass * (1 - p_a))))


class Leaning:
    """Prefers the higher number and, by `lean` nats, the letter A; `empty` are its logits of A without content."""

    def __init__(self, lean: float, empty: Sequence[float | None]) -> None:
        self.lean, self.empty = lean, dict(zip(CONTENT_FREE, empty, strict=True))
        self.steps: list[str] = []

    async def weigh(self, step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        self.steps.append(step)
        await asyncio.sleep(0)
        one, other = (part.split("\n")[1].strip() for part in messages[-1].content.split("[response (")[1:])
        if one in self.empty:
            assert one == other
            told = self.empty[one]
            return Choice(logprobs=(None, None)) if told is None else choice(sigmoid(told))
        return choice(sigmoid(float(one) - float(other) + self.lean))


def judged(leaning: Leaning, texts: Sequence[str] = ("1", "0"), match: Any = "all", **more: Any) -> list[Comparison]:
    judge = Judge(
        ask=None,  # type: ignore[arg-type]
        weigh=leaning.weigh,
        principles=load_principles("harmlessness"),
        templates=load_judge_templates("chat", 0),
        per_pair=2,
        seed=0,
        thresholds=Thresholds(0.01, 0.5, 0.001),
        content_free=CONTENT_FREE,
        **more,
    )
    candidates = [Candidate(text=text, source=f"sample-{n}", model="m") for n, text in enumerate(texts, 1)]
    return list(asyncio.run(compare(PROMPT, candidates, judge, match=match)))


def test_the_mean_logit_without_content_is_subtracted_from_every_vote() -> None:
    leaning = Leaning(-4.0, (-3.0, -4.0, -5.0))
    (found,) = judged(leaning)
    # 1 nat better, 4 nats of liking for B, of which 4 are known.
    assert (found.p_forward, found.p_reversed) == pytest.approx((sigmoid(1.0), sigmoid(1.0)))
    assert found.p == pytest.approx(sigmoid(1.0))
    assert found.status == "labelled"
    assert [vote.bias for vote in found.votes] == pytest.approx([-4.0] * 4)
    # The label is that of both orders without calibration too; but there they contradict each other.
    (plain,) = judged(Leaning(-4.0, (0.0, 0.0, 0.0)))
    assert plain.p == pytest.approx(found.p)
    assert plain.status == "inconsistent"


def test_content_free_questions_are_asked_once_for_both_orders() -> None:
    leaning = Leaning(0.0, (0.0, 0.0, 0.0))
    (found,) = judged(leaning)
    principles = [vote.principle for vote in found.votes if vote.order == "forward"]
    assert leaning.steps[:6] == [f"content-free-{n}/{principle}" for n in (1, 2, 3) for principle in principles]
    assert len(leaning.steps) == 6 + 4


def test_an_unreadable_answer_is_left_out_of_the_bias_and_three_make_the_votes_unreadable() -> None:
    (found,) = judged(Leaning(2.0, (1.0, None, 3.0)))
    assert [vote.bias for vote in found.votes] == pytest.approx([2.0] * 4)
    (found,) = judged(Leaning(2.0, (None, None, None)))
    assert (found.status, found.p) == ("invalid", None)
    assert [(vote.bias, vote.p_first) for vote in found.votes] == [(None, None)] * 4
    assert all(vote.logprob_a is not None for vote in found.votes)


def test_logits_are_averaged_and_what_has_too_little_mass_is_not() -> None:
    told = [choice(sigmoid(1.0)), choice(sigmoid(2.0)), choice(sigmoid(9.0), mass=1e-4)]
    assert bias_of(told, mass=0.001) == pytest.approx(1.5)
    assert bias_of(told[2:], mass=0.001) is None
    assert weighed("forward", -1.0, -2.0, 0.0, bias=1.0) == pytest.approx(0.5)
    assert weighed("reversed", -1.0, -3.0, 0.0, bias=1.0) == pytest.approx(sigmoid(-1.0))


def test_records_without_calibration_read_as_they_always_did() -> None:
    vote = Vote(principle="kind", order="forward", logprob_a=-1.0, logprob_b=-2.0, p_first=0.7)
    assert "bias" not in json.loads(vote.model_dump_json())
    known = vote.model_copy(update={"bias": 0.5})
    assert Vote.model_validate_json(known.model_dump_json()) == known


def test_a_run_is_calibrated_resumed_and_told_from_another(generated: Generated, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    # Any question: 9 to 1 for A. Without content: 4 to 1.
    rules.write_text(
        "- {when: '(?s)\\(A\\)\\]\\n  (N/A|\\[MASK\\]|)\\n\\n\\[resp', choose: {A: 0.8, B: 0.2}}\n"
        "- {when: 'response \\(A\\)', choose: {A: 0.9, B: 0.1}}\n",
        encoding="utf-8",
    )
    run = generated()
    settings = CompareSettings(judge=str(rules), calibrate="contextual", principles_per_pair=1, tie=0.0)
    counts = asyncio.run(label_pairs(run, settings))
    assert (counts.done, counts.failed) == (12, 0)
    made = list(comparisons(run))
    for one in made:
        assert one.p_forward == pytest.approx(9 / 13)
        assert one.p_reversed == pytest.approx(4 / 13)
        assert [vote.bias for vote in one.votes] == pytest.approx([math.log(4)] * 2)
    # An audit looks at what was judged after the subtraction.
    found = audit(made)
    assert found.order_agreement and found.order_agreement.value == 0.0
    calls = run / "compare-calls.jsonl"
    steps = [json.loads(line)["step"] for line in calls.read_text("utf-8").splitlines()]
    assert len(steps) == 12 * (2 + 3 + 2)
    assert sum(step.startswith("content-free-") for step in steps) == 36
    # Stopped before the records, it makes no call again.
    (run / "comparisons.jsonl").unlink()
    asyncio.run(label_pairs(run, settings))
    assert list(comparisons(run)) == made
    assert len(calls.read_text("utf-8").splitlines()) == len(steps)
    assert load_manifest(run, COMPARE).affecting["calibrate"] == "contextual"
    with pytest.raises(SettingsDiffer, match='calibrate: "contextual" → null'):
        asyncio.run(label_pairs(run, settings.model_copy(update={"calibrate": "none"})))
    assert count(run, COMPARE).done == 12


def test_what_is_older_than_the_setting_goes_on_without_it(generated: Generated) -> None:
    run = generated()
    asyncio.run(label_pairs(run, CompareSettings()))
    path = run / "compare.json"
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["affecting"]["calibrate"], manifest["settings"]["calibrate"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert asyncio.run(label_pairs(run, CompareSettings())).done == 12
    with pytest.raises(SettingsDiffer, match='calibrate: null → "contextual"'):
        asyncio.run(label_pairs(run, CompareSettings(calibrate="contextual")))


@pytest.mark.parametrize("verdict", ["choose", "marker"])
def test_a_judge_that_reasons_first_is_not_calibrated(verdict: Any) -> None:
    settings = CompareSettings(calibrate="contextual", cot=True, cot_verdict=verdict)
    with pytest.raises(ConfigError, match="--calibrate contextual with --cot: a judge that reasons") as bad:
        plan_labelling(Settings(prompts="p", out="o", engine="scripted"), settings)
    assert "Leave out one of the two" in bad.value.hint
