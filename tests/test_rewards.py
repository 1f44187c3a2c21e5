"""Judges that reward: exact soft labels, one call for each distinct response, in comparing, scoring and exporting."""

import asyncio
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewarding_judge import put_judge_on_path
from viewing import viewed

from constitution.cli import app
from constitution.config import CompareSettings
from constitution.counts import Counts
from constitution.errors import CapReached, ConfigError
from constitution.labelling import label_pairs
from constitution.manifest import COMPARE, SCORE, load_manifest
from constitution.records import Comparison
from constitution.report.audit import audit
from constitution.report.audit_lines import audit_lines
from constitution.report.coverage import cover
from constitution.reward_judge import preference, rewarded
from constitution.score_settings import ScoreSettings
from constitution.scoring import score_run
from constitution.store import comparisons, scores
from constitution.versus import plan_versus

Generated = Callable[..., Path]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return put_judge_on_path(tmp_path / "site", monkeypatch)


def pairs_of(folder: Path, *pairs: tuple[str, str]) -> str:
    """A file of pairs: the first one of each is what people preferred."""
    rows = [{"prompt": f"Question {n}?", "chosen": a, "rejected": b} for n, (a, b) in enumerate(pairs)]
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def label(run: Path, judge: str, file: str, replace: bool = False, **settings: Any) -> Counts:
    given = CompareSettings(pairs="file", file=file, judge=judge, **settings)
    return asyncio.run(label_pairs(run, given, replace=replace))


def calls(run: Path, journal: str = "compare-calls.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / journal).read_text("utf-8").splitlines()]


def test_swapping_two_responses_gives_exactly_one_minus_p() -> None:
    dice = random.Random(0)
    gaps = [0.0, 1e-300, 1e-17, 0.5, 13.8, 14.0, 700.0, 1e300]
    for first, second in [(gap, 0.0) for gap in gaps] + [(dice.gauss(0, 3), dice.gauss(0, 3)) for _ in range(2000)]:
        p, swapped = preference(first, second), preference(second, first)
        assert swapped == 1 - p and p == 1 - swapped
        assert 1e-6 <= p <= 1 - 1e-6 + 1e-16
        assert p == pytest.approx(1 / (1 + math.exp(min(700, second - first))), abs=2e-6)


def test_a_label_from_rewards_has_no_orders_and_a_tie_below_the_threshold() -> None:
    assert rewarded(1.0, 1.0, 0.01)._asdict() == {
        "p_forward": None,
        "p_reversed": None,
        "p": 0.5,
        "disagreement": None,
        "status": "tie",
    }
    # Neither is better: no threshold makes that a label.
    assert rewarded(1.0, 1.0, 0.0).status == "tie"
    assert rewarded(1.001, 1.0, 0.0).status == "labelled"
    assert rewarded(2.0, 0.0, 0.38).status == "labelled" and rewarded(2.0, 0.0, 0.39).status == "tie"


def test_pairs_are_labelled_by_one_call_for_each_distinct_response(tmp_path: Path, judge: str) -> None:
    file = pairs_of(tmp_path, ("worth 1", "worth 3"), ("worth 2", "worth 2 "), ("worth 5.0", "worth 5"))
    run = tmp_path / "run"
    assert label(run, judge, file).done == 3
    one, same, tie = comparisons(run)
    assert (one.reward_first, one.reward_second, one.p) == (1.0, 3.0, 1 - 1 / (1 + math.exp(-2)))
    assert (one.votes, one.p_forward, one.p_reversed, one.disagreement) == ((), None, None, None)
    assert (one.status, one.judged, one.gold) == ("labelled", True, "first")
    # One text twice: nobody was asked.
    assert (same.reward_first, same.judged, same.p, same.status) == (None, False, 0.5, "tie")
    assert (tie.reward_first, tie.judged, tie.p, tie.status) == (5.0, True, 0.5, "tie")
    made = calls(run)
    assert [(call["step"], call["reward"]["value"]) for call in made] == [
        ("chosen/reward", 1.0),
        ("rejected/reward", 3.0),
        ("chosen/reward", 5.0),
        ("rejected/reward", 5.0),
    ]
    assert {(call["completion"], call["choice"], call["model"]) for call in made} == {(None, None, "valued")}
    manifest = load_manifest(run, COMPARE)
    assert (manifest.rewarding, manifest.principles, manifest.model) == (True, None, "valued")
    assert manifest.affecting["judge"] == "valued:scripted"
    assert "principles_per_pair" not in manifest.affecting and "order_gap" not in manifest.affecting


def test_a_stopped_run_goes_on_without_asking_twice(tmp_path: Path, judge: str) -> None:
    file = pairs_of(tmp_path, *((f"worth {n}", f"worth {n + 1}") for n in range(6)))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    label(whole, judge, file)
    label(cut, judge, file)
    before = calls(cut)
    # As kill -9 leaves it: all calls, half of the comparisons, the last line torn.
    lines = (cut / "comparisons.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "comparisons.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    label(cut, judge, file)
    assert calls(cut) == before and len(before) == 12
    assert (cut / "comparisons.jsonl").read_bytes() == (whole / "comparisons.jsonl").read_bytes()


def test_what_cannot_be_rewarded_fails_its_row(tmp_path: Path, judge: str) -> None:
    file = pairs_of(tmp_path, ("worth 1", "hang up"), ("endless", "worth 1"), ("worth 1", "worth 2"))
    run = tmp_path / "run"
    counts = label(run, judge, file)
    assert (counts.done, counts.failed) == (1, 2)
    failures = [json.loads(line) for line in (run / "compare-failures.jsonl").read_text().splitlines()]
    assert [(one["step"], one["message"]) for one in failures] == [
        ("rejected/reward", "hung up"),
        ("chosen/reward", "the reward is no finite number: inf"),
    ]


def test_caps_count_what_rewards_read(tmp_path: Path, judge: str) -> None:
    # Each call reads four words: two of the prompt and two of the response.
    file = pairs_of(tmp_path, *((f"worth {n}", f"worth {n + 1}") for n in range(6)))
    run = tmp_path / "run"
    with pytest.raises(CapReached, match=r"--max-tokens-total 21: 20 tokens are spent"):
        label(run, judge, file, max_tokens_total=21)
    assert len(calls(run)) == 5
    label(run, judge, file, max_tokens_total=48)
    assert len(calls(run)) == 12


@pytest.mark.parametrize(("match", "pairs"), [("all", 6), ("best-worst", 1)])
def test_samples_are_ranked_by_their_rewards(
    generated: Generated, tmp_path: Path, judge: str, match: str, pairs: int
) -> None:
    run = generated()
    # Four models that say the same thing to all prompts; by their rewards, the third is the best.
    names = [tmp_path / f"model-{n}.yaml" for n in range(4)]
    for name, value in zip(names, [2.0, 1.0, 9.0, 4.5], strict=True):
        name.write_text(f"- {{when: '.', reply: 'worth {value}'}}\n")
    settings = CompareSettings(samples=4, models=tuple(map(str, names)), judge=judge, match=match, limit=2)
    asyncio.run(label_pairs(run, settings))
    found = list(comparisons(run))
    assert len(found) == 2 * pairs
    ranks = {side.text: side.rank for one in found for side in (one.first, one.second, *one.others)}
    assert ranks == {"worth 9.0": 1, "worth 4.5": 2, "worth 2.0": 3, "worth 1.0": 4}
    assert sum(call["reward"] is not None for call in calls(run)) == 8
    if match == "best-worst":
        for one in found:
            assert (one.first.text, one.second.text, one.p) == ("worth 1.0", "worth 9.0", preference(1.0, 9.0))
            assert [(side.source, side.reward) for side in one.others] == [("sample-1", 2.0), ("sample-4", 4.5)]
            strengths = [side.strength for side in (one.first, one.second, *one.others)]
            assert strengths == [1.0 - 4.125, 9.0 - 4.125, 2.0 - 4.125, 4.5 - 4.125]


def test_an_audit_tells_of_people_and_of_no_orders(tmp_path: Path, judge: str) -> None:
    # Right in 30 of 40.
    file = pairs_of(tmp_path, *((f"worth {n % 4 and 9}.{n}", "worth 5") for n in range(40)))
    label(tmp_path / "run", judge, file)
    made = list(comparisons(tmp_path / "run"))
    found = audit(made)
    assert (found.rewarded, found.first_position, found.order_agreement, found.accuracy_as_a) == (40, None, None, None)
    assert found.accuracy and found.accuracy.value == 0.75
    lines = "\n".join(audit_lines(found))
    assert "comparisons by rewards, one response at a time, so without positions and principles: 40" in lines
    assert "agrees with people: 75.0%" in lines and "shown as" not in lines and "cannot be told" not in lines
    covered = cover((), made)
    assert (covered.comparisons, covered.principles) == (0, ())


@pytest.mark.parametrize(
    "flags",
    [
        *(["--cot"], ["--few-shots", "2"], ["--principles-per-pair", "1"], ["--order-gap", "0.1"]),
        *(["--dtype", "float32"], ["--engine", "openai"]),
    ],
)
def test_options_of_questions_are_refused(tmp_path: Path, judge: str, flags: list[str]) -> None:
    file, run = pairs_of(tmp_path, ("worth 1", "worth 2")), str(tmp_path / "run")
    with pytest.raises(ConfigError, match=f"^{flags[0]} has no effect on this comparison$") as bad:
        app(["compare", run, "--pairs", "file", "--file", file, "--judge", judge, *flags], standalone_mode=False)
    assert bad.value.hint.startswith("Leave it out: ") and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("named", "flags"),
    [
        (None, ["--only", "kind"]),
        (None, ["--engine", "openai"]),
        ("probe:harmlessness-smollm2", ["--base-url", "http://127.0.0.1:9/v1"]),
    ],
)
def test_options_of_a_judge_that_is_asked_are_refused(
    generated: Generated, judge: str, named: str | None, flags: list[str]
) -> None:
    run = generated()
    with pytest.raises(ConfigError, match=f"^{flags[0]} has no effect on this scoring: its judge gives rewards$"):
        app(["score", str(run), "--judge", named or judge, *flags], standalone_mode=False)
    assert not (run / "scores.jsonl").exists()


def test_the_terminal_and_an_export_tell_the_rewards(
    tmp_path: Path, judge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = pairs_of(tmp_path, ("worth 1", "worth 3"), ("worth 4", "worth 0")), str(tmp_path / "run")
    app(["compare", run, "--pairs", "file", "--file", file, "--judge", judge, "-q"], standalone_mode=False)
    told = capsys.readouterr().out
    assert "judge valued: 2 comparisons by rewards: 2 labelled" in told
    row = next(comparisons(tmp_path / "run")).row
    app(["show", run, row], standalone_mode=False)
    told = capsys.readouterr().out
    assert "rejected is better" in told or "chosen is better: 0.119 (by their rewards)" in told
    assert "reward of chosen: 1.000" in told and "reward of rejected: 3.000" in told
    app(["report", run], standalone_mode=False)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Rewards, by the judge; labelled." in page
    with viewed(tmp_path / "run") as view:
        words = view.get(f"row?id={row}").words
    assert "rewards: 1.000 of chosen, 3.000 of rejected" in words and "nobody was asked" not in words
    app(["sample", run, "-n", "2", "--to", str(tmp_path / "sample.jsonl")], standalone_mode=False)
    assert len((tmp_path / "sample.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    app(["export", run, "--to", str(tmp_path / "data")], standalone_mode=False)
    kept = [
        json.loads(line)
        for path in (tmp_path / "data").rglob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    origins = [json.loads(one["metadata"]) for one in kept if "chosen" in one]
    told_rewards = {(one["chosen"]["judge_reward"], one["rejected"]["judge_reward"]) for one in origins}
    assert told_rewards == {(3.0, 1.0), (4.0, 0.0)}
    card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "a preference model gives each response a reward" in card and "`valued`" in card
    assert "principles_per_pair" not in card and "- principles: " not in card


def test_a_judge_of_rewards_cannot_tell_principles_apart(tmp_path: Path, judge: str, prompts: Path) -> None:
    from constitution import Settings

    settings = Settings(prompts=str(prompts), out=str(tmp_path / "ab"), engine="scripted")
    with pytest.raises(ConfigError, match="it gives rewards and is asked under no principle"):
        plan_versus(settings, CompareSettings(judge=judge), "helpfulness")


def test_scores_are_the_judges_rewards(generated: Generated, tmp_path: Path, judge: str) -> None:
    from constitution.report.scores import summarise_scores

    (tmp_path / "rules.yaml").write_text(
        "- {when: 'rewrite|Rewrite', reply: 'worth 2.5'}\n- {when: 'Question', reply: 'worth -1'}\n"
    )
    run = generated(model=str(tmp_path / "rules.yaml"))
    counts = asyncio.run(score_run(run, ScoreSettings(judge=judge)))
    assert counts.done == 12
    found = list(scores(run))
    assert {response.reward for row in found for response in row.responses} <= {-1.0, 2.5}
    assert all(not response.rules and not response.invalid for row in found for response in row.responses)
    manifest = load_manifest(run, SCORE)
    assert (manifest.rewarding, manifest.principles, manifest.affecting["rules"]) == (True, None, None)
    summary = summarise_scores(run)
    assert (summary.rules, summary.unrewarded) == ((), 0)
    assert summary.reward and summary.reward.value != 0


def test_old_comparisons_are_read_as_they_are() -> None:
    old = (
        '{"id": "a/x:y", "row": "a", "index": 0, "pairs": 1, "prompt": [], "metadata": {}, "first": {"text": "1", '
        '"source": "x"}, "second": {"text": "2", "source": "y"}, "votes": [], "p_forward": 0.5, "p_reversed": 0.5, '
        '"p": 0.5, "disagreement": 0.0, "status": "tie"}'
    )
    one = Comparison.model_validate_json(old)
    assert (one.reward_first, one.reward_second, one.judged) == (None, None, False)


def test_a_plan_reckons_with_rewards(
    prompts: Path, tmp_path: Path, judge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"- {{when: '.', reply: 'worth {len(name)}.{name == 'two':d}'}}\n")
    models = f"{tmp_path / 'one.yaml'}, {tmp_path / 'two.yaml'}"
    (tmp_path / "run.yaml").write_text(
        f"prompts: {prompts}\nengine: scripted\nmodel: {tmp_path / 'one.yaml'}\n"
        f"compare: {{samples: 2, models: [{models}], judge: '{judge}'}}\n"
    )
    app(["plan", str(tmp_path / "run.yaml"), "--pilot", "4", "-q", "--format", "json"], standalone_mode=False)
    steps = {one["name"]: one["calls"]["value"] for one in json.loads(capsys.readouterr().out)["steps"]}
    assert (steps["sample"], steps["reward"]) == (24, 24)
