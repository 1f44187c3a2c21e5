"""Soft labels: what each form makes of a pair's probability."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from exporting import asked, compared, comparison, judged, many, origin, refusal, rows, sides, stored

from constitution import export
from constitution.exports.examples import Preference
from constitution.exports.soft_labels import SoftLabels, apply, parse_soft_labels


def exported(tmp_path: Path, form: str, *probabilities: float, **options: Any) -> list[Any]:
    made = [comparison(n, f"{n}?", "first", "second", p) for n, p in enumerate(probabilities)]
    run = judged(tmp_path / "run", made)
    export(run, tmp_path / "data", soft_labels=form, test_fraction=0, **options)
    return rows(tmp_path / "data", "reward")


def pair(p: float) -> Preference:
    return Preference(prompt=asked("?"), chosen="good", rejected="bad", p_chosen=p, margin=0.0, origin={})


def test_keep_keeps_the_probability_and_asks_for_no_margin(tmp_path: Path) -> None:
    made = exported(tmp_path, "keep", 0.8, 0.3)
    assert sides(made) == [("first", "second"), ("second", "first")]
    assert [(row["p_chosen"], row["margin"]) for row in made] == [(0.8, 0.0), (0.7, 0.0)]


def test_hard_forgets_the_probability(tmp_path: Path) -> None:
    made = exported(tmp_path, "hard", 0.8, 0.3)
    assert sides(made) == [("first", "second"), ("second", "first")]
    assert [(row["p_chosen"], row["margin"]) for row in made] == [(1.0, 0.0), (1.0, 0.0)]


@pytest.mark.parametrize(
    ("p", "copies", "kept"), [(0.8, 10, 8), (0.75, 4, 3), (0.74, 10, 7), (0.5, 5, 3), (0.95, 10, 10), (1.0, 3, 3)]
)
def test_duplicate_turns_as_many_copies_as_the_probability_says(p: float, copies: int, kept: int) -> None:
    made = apply(pair(p), "row", SoftLabels(mode="duplicate", copies=copies), 0)
    assert Counter(row.chosen for row in made) == Counter({"good": kept, "bad": copies - kept})
    assert all(row.p_chosen == pytest.approx(p if row.chosen == "good" else 1 - p) for row in made)
    assert all(row.margin == 0.0 and {row.chosen, row.rejected} == {"good", "bad"} for row in made)


def test_the_loss_of_duplicated_rows_is_the_soft_cross_entropy() -> None:
    made = apply(pair(0.7), "row", SoftLabels(mode="duplicate", copies=10), 0)
    gap = 1.3
    hard = [math.log1p(math.exp(-gap if row.chosen == "good" else gap)) for row in made]
    soft = 0.7 * math.log1p(math.exp(-gap)) + 0.3 * math.log1p(math.exp(gap))
    assert sum(hard) / 10 == pytest.approx(soft)


def test_duplicated_rows_stay_with_their_prompt_and_tell_which_side_is_which(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(60, p=0.8))
    told = export(run, tmp_path / "data", soft_labels="duplicate:5", test_fraction=0.3)
    assert sum(told.rows["preference"].values()) == 300
    sets = [{row["prompt"][0]["content"] for row in rows(tmp_path / "data", "reward", s)} for s in ("train", "test")]
    assert len(sets[0]) + len(sets[1]) == 60
    assert all(sets)
    for row in rows(tmp_path / "data", "reward"):
        (chosen, _), told_of = sides([row])[0], origin(row)["chosen"]["source"]
        assert told_of == ("sample-1" if chosen.startswith("First") else "sample-2")


def test_sample_is_unbiased_over_many_pairs() -> None:
    for p in (0.5, 0.6, 0.9):
        made = [apply(pair(p), f"row-{n}", SoftLabels(mode="sample"), 0)[0] for n in range(4000)]
        share = sum(row.chosen == "good" for row in made) / 4000
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / 4000)
        assert all(row.p_chosen == pytest.approx(p if row.chosen == "good" else 1 - p) for row in made)


def test_sample_draws_the_same_again_and_otherwise_with_another_seed(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(200, p=0.6))
    drawn = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        export(run, tmp_path / name, soft_labels="sample", seed=seed, test_fraction=0)
        drawn[name] = sides(rows(tmp_path / name, "preference"))
    assert drawn["one"] == drawn["again"] != drawn["other"]
    # What else is exported changes no draw.
    less = judged(tmp_path / "less", compared(50, p=0.6))
    export(less, tmp_path / "fewer", soft_labels="sample", test_fraction=0)
    assert sides(rows(tmp_path / "fewer", "preference")) == drawn["one"][:50]


@pytest.mark.parametrize(
    ("form", "expected"),
    [("margin", math.log(0.8 / 0.2)), ("margin:0.5", 0.5 * math.log(0.8 / 0.2)), ("margin:2", 2 * math.log(4))],
)
def test_margin_is_the_scaled_logit_of_the_probability(tmp_path: Path, form: str, expected: float) -> None:
    made = exported(tmp_path, form, 0.8, 0.2)
    assert [row["margin"] for row in made] == pytest.approx([expected, expected])
    assert [row["p_chosen"] for row in made] == [0.8, 0.8]


def test_a_margin_is_finite_where_the_judge_is_certain_and_nothing_where_it_is_not(tmp_path: Path) -> None:
    made = exported(tmp_path, "margin", 1.0, 0.0, 0.5)
    assert [row["margin"] for row in made] == pytest.approx([13.8155, 13.8155, 0.0], abs=1e-3)
    assert all(isinstance(row["margin"], float) for row in made)


@pytest.mark.parametrize("form", ["duplicate:4", "sample", "margin", "hard"])
def test_ratings_demonstrations_and_prompts_are_untouched(tmp_path: Path, form: str) -> None:
    run = judged(stored(tmp_path / "run", many(8)), compared(8, p=0.7))
    export(run, tmp_path / "plain", test_fraction=0)
    export(run, tmp_path / "data", soft_labels=form, test_fraction=0)
    for kind in ("sft", "kto", "prompts"):
        file = Path(kind) / "train.jsonl"
        assert (tmp_path / "data" / file).read_bytes() == (tmp_path / "plain" / file).read_bytes()


@pytest.mark.parametrize(
    ("word", "parsed"),
    [
        ("keep", SoftLabels()),
        ("duplicate:7", SoftLabels(mode="duplicate", copies=7)),
        ("sample", SoftLabels(mode="sample")),
        ("margin", SoftLabels(mode="margin")),
        ("margin:0.25", SoftLabels(mode="margin", scale=0.25)),
        ("hard", SoftLabels(mode="hard")),
    ],
)
def test_forms_are_read_and_written_alike(word: str, parsed: SoftLabels) -> None:
    assert parse_soft_labels(word) == parsed
    assert parsed.word == word


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("soft", "not a form"),
        ("", "not a form"),
        ("keep:1", "not a form"),
        ("duplicate", "at least 2"),
        ("duplicate:1", "at least 2"),
        ("duplicate:2.5", "at least 2"),
        ("duplicate:-3", "at least 2"),
        ("margin:", "above 0"),
        ("margin:0", "above 0"),
        ("margin:nan", "above 0"),
        ("margin:inf", "above 0"),
        ("margin:much", "above 0"),
    ],
)
def test_a_form_that_is_none_is_refused_with_the_rule(tmp_path: Path, word: str, rule: str) -> None:
    bad = refusal(judged(tmp_path / "run", compared(2)), tmp_path / "data", soft_labels=word)
    assert repr(word) in bad.message
    assert rule in bad.message
    assert bad.hint
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("form", ["duplicate:4", "sample", "margin"])
def test_pairs_that_nobody_judged_have_no_soft_label(tmp_path: Path, form: str) -> None:
    run = stored(tmp_path / "run", many(4))
    bad = refusal(run, tmp_path / "data", soft_labels=form)
    assert f"--soft-labels {form}: nobody judged" in bad.message
    assert f"constitution compare {run}" in bad.hint
    export(run, tmp_path / "data", soft_labels="hard", test_fraction=0)
    assert {row["p_chosen"] for row in rows(tmp_path / "data", "reward")} == {1.0}
