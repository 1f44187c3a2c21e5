"""Pairs of ranked responses by margin, and soft labels that no row would hold."""

from pathlib import Path
from typing import Any

import pytest
from exporting import comparison, judged, refusal, rows, sides

from constitution import export
from constitution.records import Candidate, Comparison


def ranked() -> list[Comparison]:
    """One prompt's three comparisons; the last one contradicts the ranking that they give together."""
    strengths, places = {"a": 1.0, "b": 0.2, "c": -1.2}, {"a": 1, "b": 2, "c": 3}
    made = []
    for first, second, p in (("a", "b", 0.6), ("a", "c", 0.7), ("b", "c", 0.45)):
        one = comparison(0, "Why?", first, second, p, sources=(first, second), pairs=3)
        update = {
            end: side.model_copy(update={"strength": strengths[side.text], "rank": places[side.text]})
            for end, side in (("first", one.first), ("second", one.second))
        }
        made.append(one.model_copy(update=update))
    return made


def exported(tmp_path: Path, made: list[Comparison], **options: Any) -> list[tuple[str, str]]:
    export(judged(tmp_path / "run", made), tmp_path / "data", test_fraction=0, **options)
    return sides(rows(tmp_path / "data", "preference"))


def test_of_ranked_responses_the_pairs_of_the_largest_margins_are_kept(tmp_path: Path) -> None:
    assert exported(tmp_path, ranked(), max_per_prompt=1) == [("a", "c")]


def test_pairs_against_the_ranking_are_left_out_at_margin_zero(tmp_path: Path) -> None:
    told = export(judged(tmp_path / "run", ranked()), tmp_path / "data", test_fraction=0, min_margin=0)
    assert sides(rows(tmp_path / "data", "preference")) == [("a", "b"), ("a", "c")]
    assert told.dropped == {"pairs: margin below 0 nats": 1}


def test_the_margin_of_a_lone_pair_is_its_logit(tmp_path: Path) -> None:
    made = [comparison(0, "Why?", "a", "b", 0.9), comparison(1, "How?", "a", "b", 0.4)]
    assert exported(tmp_path, made, min_margin=2) == [("a", "b")]


def searched(folder: Path, made: list[Comparison]) -> Path:
    """A run that looked for the best and the worst."""
    run = judged(folder, made)
    manifest = run / "compare.json"
    changed = manifest.read_text("utf-8").replace('"match": "all"', '"match": "best-worst"')
    manifest.write_text(changed, "utf-8")
    return run


def test_a_search_for_best_and_worst_exports_the_two(tmp_path: Path) -> None:
    run = searched(tmp_path / "run", ranked())
    export(run, tmp_path / "best", test_fraction=0)
    assert sides(rows(tmp_path / "best", "preference")) == [("a", "c")]
    card = (tmp_path / "best" / "README.md").read_text("utf-8")
    assert "no pairs but those of the first and the last in rank; at most 1 pairs of a prompt" in card
    export(run, tmp_path / "every", test_fraction=0, max_per_prompt=9)
    assert len(rows(tmp_path / "every", "preference")) == 3
    told = export(run, tmp_path / "best", test_fraction=0, overwrite=True, kinds=["preference"])
    assert told.dropped == {"pairs: not of the best and the worst": 2}


@pytest.mark.parametrize(
    ("update", "dropped"),
    [
        ({"status": "inconsistent"}, {"pairs: status inconsistent": 1, "pairs: not of the best and the worst": 2}),
        ({"status": "invalid", "p": None}, {"pairs: status invalid": 1, "pairs: not of the best and the worst": 2}),
        (None, {"pairs: not of the best and the worst": 2}),
        # Asked about the two, the judge prefers the one that all its labels together put last.
        ({"p": 0.3}, {"pairs: label against the ranking": 1, "pairs: not of the best and the worst": 2}),
    ],
)
def test_no_other_pair_takes_the_place_of_an_undecided_best_and_worst(
    tmp_path: Path, update: dict[str, Any] | None, dropped: dict[str, int]
) -> None:
    first, ends, last = ranked()
    made = [first, *([ends.model_copy(update=update)] if update else []), last]
    # Another prompt, of two that tie for the first place: either is the best.
    other = [
        comparison(1, "How?", one, "c", 0.8, sources=(one, "c"), pairs=2).model_copy(
            update={
                "first": Candidate(text=one, source=one, rank=1, strength=0.7),
                "second": Candidate(text="c", source="c", rank=3, strength=-1.4),
            }
        )
        for one in "xy"
    ]
    run = searched(tmp_path / "run", [*made, *other])
    told = export(run, tmp_path / "data", test_fraction=0, kinds=["preference"])
    (kept,) = sides(rows(tmp_path / "data", "preference"))
    assert kept in (("x", "c"), ("y", "c"))
    assert told.dropped == dropped | {"pairs: beyond 1 of their prompt": 1}


def test_where_nothing_ranks_the_responses_there_is_no_best_and_worst(tmp_path: Path) -> None:
    none = {"rank": None, "strength": None}
    made = [
        one.model_copy(
            update={"first": one.first.model_copy(update=none), "second": one.second.model_copy(update=none)}
        )
        for one in ranked()
    ]
    bad = refusal(searched(tmp_path / "run", made), tmp_path / "data", kinds=["preference"])
    assert "3 left out: pairs: not of the best and the worst" in bad.message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"family": "openai", "soft_labels": "margin"}, "no column for a margin in preference"),
        ({"kinds": ["kto"], "soft_labels": "sample"}, "it is for pairs, and there are none in kto"),
        ({"family": "verl", "soft_labels": "duplicate:3"}, "there are none in sft, prompts"),
        ({"min_margin": float("nan")}, "--min-margin nan"),
    ],
)
def test_what_no_row_would_hold_is_refused(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    run = judged(tmp_path / "run", [comparison(0, "Why?", "a", "b", 0.9)])
    assert told in refusal(run, tmp_path / "data", **options).message
