"""Scores in exports: a kind of row with rewards, the filter by reward, the best of n; all counted and loadable."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import compared, comparison, judged, load, many, origin, refusal, rows, sides, stored, transcript

from constitution import export
from constitution.engines.base import Identity
from constitution.manifest import SCORE, new_manifest
from constitution.principles import PrincipleSet, Rule
from constitution.records import Message
from constitution.run import Run
from constitution.score_records import RuleScore, Scored, Scores
from constitution.score_settings import ScoreSettings

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
RULES = (
    Rule(id="kind", proposition="The response is kind.", weight=2),
    Rule(id="too.long-winded", proposition="The response is <b>long</b>.", weight=-1),
)


def response(text: str, source: str, kind: float | None, cut: bool = False) -> Scored:
    """A response that is kind with this probability, and long with a half."""
    scores = tuple(
        RuleScore(rule=rule.id, logprob_yes=-1, logprob_no=-1, sampled=None, mass=1, p=p)
        for rule, p in zip(RULES, (kind, 0.5), strict=True)
    )
    return Scored(
        text=text,
        source=source,
        model="small",
        finish_reason="length" if cut else "stop",
        reward=None if kind is None else 2 * kind - 0.5,
        invalid=() if kind is not None else ("kind",),
        rules=scores,
    )


def row(number: int, *responses: Scored) -> Scores:
    asked = (Message(role="user", content=f"Question {number}?"),)
    return Scores(id=f"row-{number}", index=number, prompt=asked, metadata={"n": number}, responses=responses)


def scored(folder: Path, found: list[Scores], on: str = "all") -> Path:
    """Add scores to a run's folder."""
    kept = PrincipleSet(name="mine", version="1", description="d", rules=RULES)
    identity = Identity(engine="scripted", model="the-judge", revision="123").model_dump()
    settings = ScoreSettings.model_validate({"on": on}).model_dump(mode="json")
    manifest = new_manifest("0.1.0", "exact", len(found), settings, {"model (identity)": identity}, kept)
    with Run(folder, SCORE) as run:
        run.begin(manifest)
        for one in found:
            run.keep(one)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Six rows: kind of more and more, but for row 4, of which a rule is invalid, and row 5, which is not scored.

    The journal is not in the order of the input.
    """
    made = [
        row(n, response(f"Bad {n}.", "response", 0.1), response(f"Best {n}.", "revision-2", n / 4)) for n in range(4)
    ]
    made.append(row(4, response("Bad 4.", "response", 0.1), response("Best 4.", "revision-2", None)))
    return scored(stored(tmp_path / "run", many(6)), made[::-1])


def export_all(run: Path, to: Path, **options: Any) -> dict[str, int]:
    return export(run, to, test_fraction=0, **options).dropped


def test_scored_responses_are_a_kind_of_their_own_with_a_column_for_each_rule(run: Path, tmp_path: Path) -> None:
    dropped = export_all(run, tmp_path / "data")
    assert dropped["scored: a rule is invalid"] == 1
    made = rows(tmp_path / "data", "scored")
    assert [one["completion"][0]["content"] for one in made] == [
        *(f"{word} {n}." for n in range(4) for word in ("Bad", "Best")),
        "Bad 4.",
    ]
    assert made[1]["reward"] == -0.5 and made[3]["reward"] == 0.0 and made[7]["reward"] == 1.0
    assert (made[7]["rule_kind"], made[7]["rule_too.long-winded"]) == (0.75, 0.5)
    assert origin(made[7]) == {
        "id": "row-3",
        "source": "revision-2",
        "model": "small",
        "finish_reason": "stop",
        "row": {"n": 3},
    }


@pytest.mark.parametrize("parquet", [False, True])
def test_datasets_loads_scored_responses_as_numbers(run: Path, tmp_path: Path, parquet: bool) -> None:
    from datasets import Value

    export(run, tmp_path / "data", test_fraction=0.4, parquet=parquet)
    loaded = load(tmp_path / "data", "scored", tmp_path / "cache")
    assert sum(map(len, loaded.values())) == 9
    for split in loaded.values():
        assert list(split.features) == [
            "prompt",
            "completion",
            "reward",
            "rule_kind",
            "rule_too.long-winded",
            "metadata",
        ]
        numbers = [split.features[name] for name in ("reward", "rule_kind", "rule_too.long-winded")]
        assert numbers == [Value("float64")] * 3
        assert all(value is not None for one in split for value in one.values())


def test_other_kinds_tell_scores_in_their_metadata(run: Path, tmp_path: Path) -> None:
    export_all(run, tmp_path / "data")
    told = {one["id"]: one for one in map(origin, rows(tmp_path / "data", "sft"))}
    assert told["row-3"]["reward"] == 1.0 and told["row-3"]["scores"] == {"kind": 0.75, "too.long-winded": 0.5}
    assert told["row-4"]["reward"] is None and told["row-4"]["scores"]["kind"] is None
    assert "reward" not in told["row-5"]
    pair = origin(rows(tmp_path / "data", "preference")[3])
    assert (pair["chosen"]["reward"], pair["rejected"]["reward"]) == (1.0, pytest.approx(-0.3))
    ratings = [origin(one) for one in rows(tmp_path / "data", "kto")]
    assert sorted(one["reward"] for one in ratings if one["id"] == "row-3") == pytest.approx([-0.3, 1.0])


def test_a_least_reward_leaves_out_demonstrations_and_pairs_and_counts_them(run: Path, tmp_path: Path) -> None:
    dropped = export_all(run, tmp_path / "data", min_reward=0.5)
    assert [one["messages"][-1]["content"] for one in rows(tmp_path / "data", "sft")] == ["Best 2.", "Best 3."]
    assert sides(rows(tmp_path / "data", "preference")) == [("Best 2.", "Bad 2."), ("Best 3.", "Bad 3.")]
    assert dropped == {
        "demonstrations: reward below 0.5": 2,
        "demonstrations: no reward": 2,
        "pairs: reward below 0.5": 2,
        "pairs: no reward": 2,
        "scored: a rule is invalid": 1,
    }
    assert len(rows(tmp_path / "data", "kto")) == 4 and len(rows(tmp_path / "data", "prompts")) == 6
    # What is left out of imitation is still there for whoever wants bad examples.
    assert len(rows(tmp_path / "data", "scored")) == 9


def test_pairs_of_comparisons_are_known_by_what_they_say(tmp_path: Path) -> None:
    run = judged(stored(tmp_path / "run", many(3)), [*compared(2), comparison(2, "Question 2?", "New.", "Other.", 0.8)])
    # Row 2 was sampled anew since: another text under the same name has no score.
    made = [
        row(n, response(f"First {n}.", "sample-1", n / 1), response(f"Second {n}.", "sample-2", 0)) for n in range(3)
    ]
    dropped = export_all(scored(run, made), tmp_path / "data", kinds=["preference"], min_reward=0)
    assert sides(rows(tmp_path / "data", "preference")) == [("First 1.", "Second 1.")]
    assert dropped == {"pairs: reward below 0": 1, "pairs: no reward": 1}


@pytest.mark.parametrize("soft_labels", ["duplicate:5", "sample"])
def test_soft_labels_choose_no_response_below_the_least_reward(tmp_path: Path, soft_labels: str) -> None:
    number = 40
    run = judged(stored(tmp_path / "run", many(number)), compared(number, 0.6))
    # Every first response is good enough; every other second one is not, and of row 1's a rule is invalid.
    made = [
        row(n, response(f"First {n}.", "sample-1", 1), response(f"Second {n}.", "sample-2", None if n == 1 else n % 2))
        for n in range(number)
    ]
    scored(run, made)
    export_all(run, tmp_path / "all", kinds=["preference"], soft_labels=soft_labels)
    dropped = export_all(run, tmp_path / "data", kinds=["preference"], soft_labels=soft_labels, min_reward=0)
    every = rows(tmp_path / "all", "preference")
    found = rows(tmp_path / "data", "preference")
    low = [one for one in every if (origin(one)["chosen"]["reward"] or -1) < 0]
    assert low and [one for one in every if one not in low] == found
    assert {origin(one)["chosen"]["reward"] for one in found} == {1.5}
    assert any(one["chosen"][-1]["content"].startswith("Second") for one in found)
    why = f"pairs turned round by {soft_labels}: "
    assert dropped.keys() <= {f"{why}reward below 0", f"{why}no reward"} and sum(dropped.values()) == len(low)


def test_the_best_of_all_scored_responses_is_imitated_on_demand(tmp_path: Path) -> None:
    made = [
        row(0, response("Bad 0.", "response", 0.9), response("Best 0.", "revision-2", 0.2)),
        row(1, response("Bad 1.", "response", 0.5), response("Best 1.", "revision-2", 0.5)),
        row(2, response("Best 2.", "revision-2", 0.5), response("Sampled.", "sample-1", 0.7, cut=True)),
        row(3, response("Best 3.", "revision-2", None)),
    ]
    run = scored(stored(tmp_path / "run", many(5)), made)
    dropped = export_all(run, tmp_path / "data", kinds=["sft"], revisions="best")
    found = rows(tmp_path / "data", "sft")
    assert [one["messages"][-1]["content"] for one in found] == ["Bad 0.", "Best 1.", "Best 2."]
    assert [origin(one)["source"] for one in found] == ["response", "revision-2", "revision-2"]
    assert dropped == {"demonstrations: no reward": 2}
    whole = export_all(run, tmp_path / "whole", kinds=["sft"], revisions="best", whole_only=True, min_reward=1)
    assert [one["messages"][-1]["content"] for one in rows(tmp_path / "whole", "sft")] == ["Bad 0."]
    assert whole == {"demonstrations: reward below 1": 2, "demonstrations: no reward": 2}


def test_a_best_response_that_was_cut_is_left_out_on_demand(tmp_path: Path) -> None:
    chain = transcript(0, "Question 0?", "Bad 0.", "Better 0.", "Best 0.", cut=[1])
    made = [row(0, response("Bad 0.", "response", 0.1), response("Better 0.", "revision-1", 0.9, cut=True))]
    run = scored(stored(tmp_path / "run", [chain, *many(2)[1:]]), [*made, row(1, response("Best 1.", "revision-2", 1))])
    dropped = export_all(run, tmp_path / "data", kinds=["sft"], revisions="best", whole_only=True)
    assert [one["messages"][-1]["content"] for one in rows(tmp_path / "data", "sft")] == ["Best 1."]
    assert dropped == {"demonstrations: cut at max_tokens": 1}


def test_a_sample_that_says_what_the_chain_says_is_the_chains(tmp_path: Path) -> None:
    made = [row(0, response("Best 0.", "sample-1", 0.9), response("Other.", "sample-2", 1))]
    export_all(scored(stored(tmp_path / "run", many(1)), made), tmp_path / "data", kinds=["sft"], revisions="best")
    assert [origin(one)["source"] for one in rows(tmp_path / "data", "sft")] == ["revision-2"]


def test_options_that_do_less_than_they_say_are_told(run: Path, tmp_path: Path, cli: Cli) -> None:
    assert export(run, tmp_path / "a", test_fraction=0, revisions="best").notes == ()
    told = export(run, tmp_path / "b", test_fraction=0, min_reward=0.5).notes
    assert told == ("scored: every scored response, whatever its reward; --min-reward is not for them",)
    assert len(rows(tmp_path / "b", "scored")) == 9
    assert export(run, tmp_path / "c", kinds=["sft"], test_fraction=0, min_reward=0.5).notes == ()
    finals = scored(stored(tmp_path / "finals", many(1)), [row(0, response("Best 0.", "revision-2", 1))], on="final")
    printed = cli("export", finals, "--to", tmp_path / "d", "--revisions", "best").stdout
    assert "--revisions best: only final revisions have scores, so it chose nothing" in printed
    assert export(finals, tmp_path / "e", kinds=["scored"], revisions="best").notes == ()


def test_the_card_tells_judge_rules_weights_and_the_filter(run: Path, tmp_path: Path) -> None:
    export_all(run, tmp_path / "data", min_reward=0.5)
    card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "## How the responses were scored" in card and "`the-judge`" in card
    assert "- `kind`, weight 2: The response is kind." in card
    assert "<b>" not in card
    assert "reward of at least 0.5 of demonstrations and of chosen responses" in card
    assert "left out, demonstrations: no reward: 2" in card


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        ({"min_reward": 0.5}, "--min-reward"),
        ({"revisions": "best"}, "--revisions best"),
        ({"kinds": ["scored"]}, "--kind scored"),
    ],
)
def test_without_scores_what_needs_them_is_refused_with_the_command(
    tmp_path: Path, options: dict[str, Any], wish: str
) -> None:
    run = stored(tmp_path / "run", many(2))
    bad = refusal(run, tmp_path / "data", **options)
    assert bad.message == f"{wish}: {run} has no scores" and bad.hint.endswith(f"constitution score {run}")
    assert not (tmp_path / "data").exists()


def test_without_scores_an_export_is_as_it_was(tmp_path: Path) -> None:
    made = export(stored(tmp_path / "run", many(2)), tmp_path / "data", test_fraction=0)
    assert "scored" not in {*made.rows, *made.empty, *made.counts}
    assert "reward" not in json.dumps(rows(tmp_path / "data", "sft"))


def test_a_least_reward_that_nothing_heeds_is_refused(run: Path, tmp_path: Path) -> None:
    assert "no demonstrations and no pairs" in refusal(run, tmp_path / "a", kinds=["prompts"], min_reward=1).message
    assert "must be a number" in refusal(run, tmp_path / "b", min_reward=float("nan")).message


@pytest.mark.parametrize("family", ["openai", "hh-rlhf", "llama-factory", "openrlhf", "verl", "ms-swift", "tinker"])
def test_other_families_heed_the_least_reward(run: Path, tmp_path: Path, family: str) -> None:
    dropped = export_all(run, tmp_path / "data", family=family, min_reward=0.5)
    assert {"demonstrations: reward below 0.5", "pairs: reward below 0.5"} & dropped.keys()
