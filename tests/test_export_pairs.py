"""Pairs and ratings from comparisons: which response is chosen, and what a comparison must be to be exported."""

from pathlib import Path
from typing import Any

import pytest
from exporting import (
    compared,
    comparison,
    judged,
    many,
    origin,
    prompts_of,
    refusal,
    rows,
    sides,
    stored,
)

from constitution import export
from constitution.errors import RunError
from constitution.exports import Exported
from constitution.records import Comparison


def exported(tmp_path: Path, *made: Comparison, **options: Any) -> Exported:
    """The export of a run of nothing but these comparisons, in `data`."""
    return export(judged(tmp_path / "run", made), tmp_path / "data", test_fraction=0, **options)


def test_the_response_that_the_judge_finds_better_is_chosen_with_its_probability(tmp_path: Path) -> None:
    exported(tmp_path, comparison(0, "Why?", "a", "b", 0.8), comparison(1, "How?", "c", "d", 0.25))
    made = rows(tmp_path / "data", "preference")
    assert sides(made) == [("a", "b"), ("d", "c")]
    assert [row["p_chosen"] for row in made] == [0.8, 0.75]
    assert [row["prompt"] for row in made] == [[{"role": "user", "content": text}] for text in ("Why?", "How?")]


def test_metadata_tells_the_judgement_and_both_responses(tmp_path: Path) -> None:
    exported(tmp_path, comparison(0, "Why?", "a", "b", 0.2, metadata={"topic": "locks"}))
    (row,) = rows(tmp_path / "data", "preference")
    assert origin(row) == {
        "id": "row-0",
        "comparison": "row-0/sample-1-sample-2",
        "status": "labelled",
        "judge": "the-judge",
        "principles": ["principle-3"],
        "disagreement": 0.0,
        "chosen": {"source": "sample-2", "model": "small", "finish_reason": "stop"},
        "rejected": {"source": "sample-1", "model": "small", "finish_reason": "stop"},
        "row": {"topic": "locks"},
    }


def test_what_the_judge_could_not_decide_is_left_out_and_counted(tmp_path: Path) -> None:
    told = exported(
        tmp_path,
        comparison(0, "Labelled?", "a", "b", 0.8),
        comparison(1, "Tie?", "a", "b", 0.51, status="tie"),
        comparison(2, "Inconsistent?", "a", "b", 0.6, status="inconsistent"),
        comparison(3, "Invalid?", "a", "b", None, status="invalid"),
        comparison(4, "Same?", "a", " a\n", 0.5, status="tie"),
    )
    assert prompts_of(tmp_path / "data", "preference", "train") == {"Labelled?"}
    assert told.dropped == {
        "pairs: status tie": 1,
        "pairs: status inconsistent": 1,
        "pairs: status invalid": 1,
        "pairs: identical responses": 1,
    }
    # The questions can be asked nonetheless.
    assert told.rows["prompts"] == {"train": 5}
    assert told.empty == ("sft",)


@pytest.mark.parametrize(
    ("include", "expected"),
    [("tie", {"Labelled?", "Tie?"}), ("inconsistent, tie", {"Labelled?", "Tie?", "Inconsistent?"})],
)
def test_other_statuses_are_exported_when_asked(tmp_path: Path, include: str, expected: set[str]) -> None:
    exported(
        tmp_path,
        comparison(0, "Labelled?", "a", "b", 0.8),
        comparison(1, "Tie?", "a", "b", 0.49, status="tie"),
        comparison(2, "Inconsistent?", "a", "b", 0.6, status="inconsistent"),
        comparison(3, "Invalid?", "a", "b", None, status="invalid"),
        include=include,
    )
    assert prompts_of(tmp_path / "data", "preference", "train") == expected
    tie = next(row for row in rows(tmp_path / "data", "preference") if row["prompt"][0]["content"] == "Tie?")
    assert sides([tie]) == [("b", "a")]
    assert tie["p_chosen"] == pytest.approx(0.51)


def test_invalid_comparisons_can_never_be_included(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(2))
    bad = refusal(run, tmp_path / "data", include="tie,invalid")
    assert "no readable verdict" in bad.message
    assert bad.hint.endswith("tie, inconsistent")
    assert "'maybe'" in refusal(run, tmp_path / "data", include="maybe").message


def test_of_exact_ties_the_first_is_chosen_about_as_often_as_the_second(tmp_path: Path) -> None:
    ties = [comparison(n, f"{n}?", "first", "second", 0.5, status="tie") for n in range(400)]
    exported(tmp_path, *ties, include="tie")
    firsts = sum(chosen == "first" for chosen, _ in sides(rows(tmp_path / "data", "preference")))
    # Binomial, 400 draws at a half: mean 200, standard deviation 10.
    assert 150 < firsts < 250


def test_a_run_with_comparisons_takes_its_pairs_from_them_and_the_rest_from_its_transcripts(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(4))
    judged(run, [comparison(2, "Question 2?", "Best 2.", "Bad 2.", 0.3, sources=("revision-2", "response"))], input=4)
    told = export(run, tmp_path / "data", test_fraction=0)
    numbers = {kind: splits["train"] for kind, splits in told.rows.items()}
    assert numbers == {"sft": 4, "preference": 1, "reward": 1, "kto": 2, "prompts": 4}
    assert sides(rows(tmp_path / "data", "preference")) == [("Bad 2.", "Best 2.")]
    assert told.counts["compare"].pending == 3


def test_pairs_can_be_taken_from_the_revisions_all_the_same(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(4))
    judged(run, [comparison(2, "Question 2?", "Best 2.", "Bad 2.", 0.3)], input=4)
    export(run, tmp_path / "data", pairs="revisions", test_fraction=0)
    assert sides(rows(tmp_path / "data", "preference")) == [(f"Best {n}.", f"Bad {n}.") for n in range(4)]
    assert "judge" not in (tmp_path / "data" / "README.md").read_text().replace("nobody judged them", "")


def test_pairs_of_a_kind_that_the_run_does_not_hold_are_refused(tmp_path: Path) -> None:
    revised = stored(tmp_path / "revised", many(2))
    with pytest.raises(RunError, match="holds no comparisons yet") as bad:
        export(revised, tmp_path / "data", pairs="comparisons")
    assert bad.value.hint == f"Make them: constitution compare {revised}"
    compared_only = judged(tmp_path / "compared", compared(2))
    assert "no transcripts" in refusal(compared_only, tmp_path / "data", pairs="revisions").message


def test_a_run_of_comparisons_alone_has_nothing_to_imitate(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", compared(3))
    bad = refusal(run, tmp_path / "data", kinds=["sft"])
    assert "nothing to export as sft (compare: 3 done" in bad.message


# Ratings


def ratings(tmp_path: Path) -> dict[str, bool]:
    return {row["completion"][0]["content"]: row["label"] for row in rows(tmp_path / "data", "kto")}


def test_a_response_is_good_if_it_wins_on_average_and_is_there_once(tmp_path: Path) -> None:
    told = exported(
        tmp_path,
        comparison(0, "Why?", "a", "b", 0.9, sources=("sample-1", "sample-2"), pairs=3),
        comparison(0, "Why?", "a", "c", 0.6, sources=("sample-1", "sample-3"), pairs=3),
        comparison(0, "Why?", "b", "c", 0.6, sources=("sample-2", "sample-3"), pairs=3),
    )
    # By hand: a (0.9 + 0.6) / 2, b (0.1 + 0.6) / 2, c (0.4 + 0.4) / 2.
    assert ratings(tmp_path) == {"a": True, "b": False, "c": False}
    means = [origin(row)["win_probability"] for row in rows(tmp_path / "data", "kto")]
    assert means == pytest.approx([0.75, 0.35, 0.4])
    assert told.rows["preference"] == {"train": 3}


def test_a_response_that_neither_wins_nor_loses_is_left_out_and_counted(tmp_path: Path) -> None:
    told = exported(
        tmp_path,
        comparison(0, "Why?", "a", "b", 0.9, sources=("sample-1", "sample-2"), pairs=3),
        comparison(0, "Why?", "b", "c", 0.9, sources=("sample-2", "sample-3"), pairs=3),
        comparison(0, "Why?", "a", "c", 0.9, sources=("sample-1", "sample-3"), pairs=3),
    )
    assert ratings(tmp_path) == {"a": True, "c": False}
    assert told.dropped == {"ratings: win probability of exactly 0.5": 1}


def test_the_same_text_answering_two_prompts_is_rated_for_each(tmp_path: Path) -> None:
    exported(tmp_path, comparison(0, "Why?", "No.", "Yes.", 0.9), comparison(1, "How?", "No.", "Yes.", 0.1))
    told = [
        (row["prompt"][0]["content"], row["completion"][0]["content"], row["label"])
        for row in rows(tmp_path / "data", "kto")
    ]
    # Half of a prompt's responses wait for the next prompt's: KTO takes a row's neighbour for another prompt.
    assert told == [("Why?", "No.", True), ("How?", "Yes.", True), ("Why?", "Yes.", False), ("How?", "No.", False)]


def test_ratings_count_only_the_pairs_that_are_exported(tmp_path: Path) -> None:
    exported(
        tmp_path,
        comparison(0, "Why?", "a", "b", 0.95, sources=("sample-1", "sample-2"), pairs=2),
        comparison(0, "Why?", "a", "c", 0.6, sources=("sample-1", "sample-3"), pairs=2),
        min_confidence=0.9,
    )
    assert ratings(tmp_path) == {"a": True, "b": False}


# Filters


def test_pairs_below_the_confidence_are_left_out_on_both_sides_of_a_half(tmp_path: Path) -> None:
    made = [comparison(n, f"{p}?", "a", "b", p) for n, p in enumerate((0.05, 0.1, 0.4, 0.6, 0.9, 0.95))]
    told = exported(tmp_path, *made, min_confidence=0.9)
    assert prompts_of(tmp_path / "data", "preference", "train") == {"0.05?", "0.1?", "0.9?", "0.95?"}
    assert told.dropped == {"pairs: confidence below 0.9": 2}


def test_of_one_prompt_the_surest_pairs_are_kept_wherever_they_stand(tmp_path: Path) -> None:
    made = [
        comparison(0, "Why?", "a", "b", 0.6, sources=("sample-1", "sample-2"), pairs=3),
        comparison(0, "Why?", "a", "c", 0.1, sources=("sample-1", "sample-3"), pairs=3),
        comparison(0, "Why?", "b", "c", 0.7, sources=("sample-2", "sample-3"), pairs=3),
        comparison(1, "How?", "d", "e", 0.55),
        # The same question in another row.
        comparison(2, "Why? ", "f", "g", 0.95),
    ]
    told = exported(tmp_path, *made, max_per_prompt=2)
    assert sides(rows(tmp_path / "data", "preference")) == [("c", "a"), ("d", "e"), ("f", "g")]
    assert told.dropped == {"pairs: beyond 2 of their prompt": 2}


def test_pairs_with_a_cut_response_are_left_out_with_whole_only(tmp_path: Path) -> None:
    made = [comparison(0, "Why?", "a", "b", 0.8), comparison(1, "How?", "c", "d", 0.8, cut=["d"])]
    run = judged(tmp_path / "run", made)
    assert export(run, tmp_path / "every").cut == 1
    told = export(run, tmp_path / "whole", whole_only=True, test_fraction=0)
    assert told.dropped == {"pairs: cut at max_tokens": 1}
    assert sides(rows(tmp_path / "whole", "preference")) == [("a", "b")]
    assert told.cut == 0


def test_an_export_of_nothing_says_how_many_each_filter_took(tmp_path: Path) -> None:
    made = [
        comparison(0, "Why?", "a", "b", 0.5, status="tie"),
        comparison(1, "How?", "c", "c", 0.5, status="tie"),
        comparison(2, "What?", "d", "e", 0.7),
        comparison(3, "Who?", "f", "g", 0.6),
    ]
    bad = refusal(judged(tmp_path / "run", made), tmp_path / "data", kinds=["reward", "kto"], min_confidence=0.8)
    assert "nothing to export as reward, kto (compare: 4 done" in bad.message
    for reason in ("1 left out: pairs: status tie", "1 left out: pairs: identical responses"):
        assert reason in bad.message
    assert "2 left out: pairs: confidence below 0.8" in bad.message
    assert bad.hint


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"min_confidence": 70.0}, "--min-confidence 70"),
        ({"min_confidence": float("nan")}, "--min-confidence nan"),
        ({"max_per_prompt": 0}, "--max-per-prompt 0"),
        ({"license": "My Licence"}, "--license 'My Licence'"),
    ],
)
def test_filters_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], named: str) -> None:
    assert named in refusal(judged(tmp_path / "run", compared(2)), tmp_path / "data", **options).message


def test_a_transcript_keeps_its_split_whichever_way_its_pairs_are_made(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(60))
    export(run, tmp_path / "before", test_fraction=0.3)
    judged(run, compared(60))
    export(run, tmp_path / "after", test_fraction=0.3)
    for split in ("train", "test"):
        held = prompts_of(tmp_path / "before", "preference", split)
        for kind in ("sft", "preference", "reward", "kto", "prompts"):
            assert prompts_of(tmp_path / "after", kind, split) == held
