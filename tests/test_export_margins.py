"""Pairs of ranked responses by margin, and soft labels that no row would hold."""

from pathlib import Path
from typing import Any

import pytest
from exporting import comparison, judged, refusal, rows, sides

from constitution import export
from constitution.records import Comparison


def ranked() -> list[Comparison]:
    """One prompt's three comparisons; the last one contradicts the ranking that they give together."""
    strengths = {"a": 1.0, "b": 0.2, "c": -1.2}
    made = []
    for first, second, p in (("a", "b", 0.6), ("a", "c", 0.7), ("b", "c", 0.45)):
        one = comparison(0, "Why?", first, second, p, sources=(first, second), pairs=3)
        update = {
            end: getattr(one, end).model_copy(update={"strength": strengths[getattr(one, end).text]})
            for end in ("first", "second")
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


def test_a_search_for_best_and_worst_exports_the_two(tmp_path: Path) -> None:
    run = judged(tmp_path / "run", ranked())
    manifest = run / "compare.json"
    changed = manifest.read_text("utf-8").replace('"match": "all"', '"match": "best-worst"')
    manifest.write_text(changed, "utf-8")
    export(run, tmp_path / "best", test_fraction=0)
    assert sides(rows(tmp_path / "best", "preference")) == [("a", "c")]
    export(run, tmp_path / "every", test_fraction=0, max_per_prompt=9)
    assert len(rows(tmp_path / "every", "preference")) == 3


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
