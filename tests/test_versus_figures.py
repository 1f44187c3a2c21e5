"""The figures of two constitutions, on comparisons made by hand."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from constitution.intervals import Estimate
from constitution.principles import Principle, PrincipleSet
from constitution.records import Candidate, Comparison, Message, Vote
from constitution.report.versus import Figures, Standing, figures
from constitution.votes import Thresholds, label

THRESHOLDS = Thresholds(tie=0.01, order_gap=0.5, mass=0.001)


def asking(id: str, *tags: str) -> Principle:
    return Principle(id=id, critique_request="-", revision_request="-", comparison=f"{id}?", tags=tags)


# One of A's, one of B's, one of both.
ASKED = PrincipleSet(
    name="judge",
    version="1",
    description="Both.",
    principles=(asking("of-a", "care"), asking("of-b", "care", "tone"), asking("shared")),
)
OF_A, OF_B = {"of-a?", "shared?"}, {"of-b?", "shared?"}


def comparison(
    number: int,
    said: dict[str, tuple[float, float] | float | None],
    *,
    b: str = "second",
    prompt: str = "",
    texts: tuple[str, str] = ("One.", "Two."),
) -> Comparison:
    """A comparison whose votes say with these probabilities that B is better: in both orders, or forward and reversed.

    Args:
        number: Of the row.
        said: By principle; None is unreadable.
        b: Which response is B's.
        prompt: What both answer.
        texts: The responses.
    """
    votes = []
    for principle, ps in said.items():
        for order, p in zip(("forward", "reversed"), ps if isinstance(ps, tuple) else (ps, ps), strict=True):
            p_first = None if p is None else (p if b == "first" else 1 - p)
            votes.append(Vote(principle=principle, order=order, p_first=p_first))
    soft = label(votes, THRESHOLDS)._asdict() if texts[0] != texts[1] else label([], THRESHOLDS)._asdict()
    if texts[0] == texts[1]:
        votes, soft = [], {"p_forward": 0.5, "p_reversed": 0.5, "p": 0.5, "disagreement": 0.0, "status": "tie"}
    return Comparison(
        id=f"{number}/response_a:response_b",
        row=str(number),
        index=number,
        pairs=1,
        prompt=(Message(role="user", content=prompt or f"Question {number}?"),),
        metadata={"id": f"row-{number}", "b": b},
        first=Candidate(text=texts[0], source="response_a"),
        second=Candidate(text=texts[1], source="response_b"),
        votes=tuple(votes),
        **soft,
    )


def told(made: Sequence[Comparison], values: dict[str, str] | None = None) -> Figures:
    return figures(made, ASKED, OF_A, OF_B, THRESHOLDS, values or {})


def exchanged(made: Sequence[Comparison], values: dict[str, str] | None = None) -> Figures:
    """The same with A as B."""
    sides = {"first": "second", "second": "first"}
    turned = [one.model_copy(update={"metadata": one.metadata | {"b": sides[str(one.metadata["b"])]}}) for one in made]
    return figures(turned, ASKED, OF_B, OF_A, THRESHOLDS, values or {})


def wins(standing: Standing | None) -> tuple[int, int, int]:
    assert standing
    return standing.b, standing.a, standing.ties


# B wins three, A one, one is a tie, one inconsistent, one of one text, one unreadable.
MADE = (
    comparison(0, {"of-a": 0.8}),
    comparison(1, {"of-b": 0.9}, b="first"),
    comparison(2, {"shared": 0.7}),
    comparison(3, {"of-a": 0.2, "of-b": 0.4}, b="first"),
    comparison(4, {"shared": 0.505}),
    comparison(5, {"of-b": (0.9, 0.2)}),
    comparison(6, {}, texts=("Same.", "Same.")),
    comparison(7, {"of-a": None}),
)


def test_the_win_rate_counts_ties_and_inconsistent_ones_half_and_leaves_out_what_is_unreadable() -> None:
    found = told(MADE)
    assert found.statuses == {"labelled": 4, "tie": 2, "inconsistent": 1, "invalid": 1}
    assert found.identical == 1
    assert wins(found.overall) == (3, 1, 3)
    assert found.overall.win_rate
    assert found.overall.win_rate.value == pytest.approx(4.5 / 7, abs=1e-12)
    assert found.overall.win_rate.n == 7


def test_the_soft_label_is_the_mean_probability_of_b() -> None:
    made = (comparison(0, {"of-a": 0.8}), comparison(1, {"of-b": 0.4}, b="first"))
    found = told(made).overall.soft_label
    assert found
    assert found.value == pytest.approx(0.6, abs=1e-9)
    assert told(made[:1]).overall.soft_label is None


def test_votes_of_a_comparison_are_averaged_as_logits() -> None:
    made = (comparison(0, {"of-a": 0.2, "of-b": 0.4}), comparison(1, {}, texts=("Same.", "Same.")))
    logits = [math.log(p / (1 - p)) for p in (0.2, 0.4)]
    p = 1 / (1 + math.exp(-sum(logits) / 2))
    found = told(made).overall.soft_label
    assert found
    assert found.value == pytest.approx((p + 0.5) / 2, abs=1e-9)


def test_under_each_sides_principles_only_their_votes_count() -> None:
    found = told(MADE)
    # Under A's own and the shared one: rows 0 and 2 are B's, 3 is A's, 4 a tie; the one text was put to nobody.
    assert wins(found.under_a) == (2, 1, 1)
    # Under B's own and the shared one: rows 1 and 2 are B's, 3 is A's, 4 and 5 neither's.
    assert wins(found.under_b) == (2, 1, 2)
    assert found.evenly
    assert found.evenly.value == pytest.approx((2.5 / 4 + 3 / 5) / 2, abs=1e-12)
    # Rows 0 to 5, three of which are judged under principles of either.
    assert found.evenly.n == 6


def test_a_side_that_the_judge_was_not_asked_under_has_no_figure() -> None:
    found = figures(MADE, ASKED, {"something else?"}, OF_B, THRESHOLDS, {})
    assert (found.under_a, found.evenly) == (None, None)
    assert found.under_b


def test_tags_are_of_the_principles_that_the_judge_was_asked_under() -> None:
    found = {standing.name: wins(standing) for standing in told(MADE).tags}
    assert found == {"care": (2, 1, 1), "tone": (1, 1, 1), "(no tag)": (1, 0, 1)}


def test_a_columns_values_are_told_apart() -> None:
    values = {f"row-{number}": "odd" if number % 2 else "even" for number in range(8)}
    found = {standing.name: wins(standing) for standing in told(MADE, values).groups}
    # A pair of one text is a tie here as in all comparisons.
    assert found == {"even": (2, 0, 2), "odd": (1, 1, 1)}


def test_prompts_are_clusters() -> None:
    apart = [comparison(number, {"of-a": 0.8 if number % 2 else 0.2}) for number in range(40)]
    # The same forty, each prompt's four alike.
    together = [
        comparison(number, {"of-a": 0.8 if number // 4 % 2 else 0.2}, prompt=f"Question {number // 4}?")
        for number in range(40)
    ]
    one, other = told(apart).overall.win_rate, told(together).overall.win_rate
    assert one and other
    assert one.value == other.value == 0.5
    # Wilson's by hand, of 39 and of 9 witnesses: the design effect has one degree of freedom less.
    assert (one.low, one.high) == pytest.approx(wilson(0.5, 39), abs=1e-9)
    assert (other.low, other.high) == pytest.approx(wilson(0.5, 9), abs=1e-9)


def wilson(p: float, n: float) -> tuple[float, float]:
    z = 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def mirrored(one: Estimate | None, other: Estimate | None, exactly: float) -> None:
    assert (one is None) == (other is None)
    if one and other:
        assert other.n == one.n
        assert other.value == pytest.approx(1 - one.value, abs=exactly)
        assert (1 - other.high, 1 - other.low) == pytest.approx((one.low, one.high), abs=1e-9)


def test_exchanging_the_two_mirrors_every_figure() -> None:
    values = {f"row-{number}": str(number % 3) for number in range(8)}
    found, turned = told(MADE, values), exchanged(MADE, values)
    pairs: list[tuple[Any, Any]] = [
        (found.overall, turned.overall),
        (found.under_a, turned.under_b),
        (found.under_b, turned.under_a),
        *zip(found.tags, turned.tags, strict=True),
        *zip(found.groups, turned.groups, strict=True),
    ]
    for one, other in pairs:
        assert (one.name, one.b, one.a, one.ties) == (one.name, other.a, other.b, other.ties)
        mirrored(one.win_rate, other.win_rate, 1e-15)
        mirrored(one.soft_label, other.soft_label, 1e-12)
    mirrored(found.evenly, turned.evenly, 1e-12)
    assert (found.statuses, found.first_position, found.order_agreement, found.warnings) == (
        turned.statuses,
        turned.first_position,
        turned.order_agreement,
        turned.warnings,
    )


def test_a_judge_that_favours_whoever_asks_is_told() -> None:
    made = [comparison(number, {"of-a": 0.1, "of-b": 0.9}) for number in range(20)]
    found = told(made)
    assert wins(found.under_a) == (0, 20, 0)
    assert wins(found.under_b) == (20, 0, 0)
    assert any("whose principles the judge is asked under" in warning for warning in found.warnings)
    assert not any("whose principles" in warning for warning in told(MADE).warnings)


def test_nothing_to_read_is_told_as_such() -> None:
    found = told([comparison(0, {"of-a": None})])
    assert found.overall.win_rate is None
    assert wins(found.overall) == (0, 0, 0)
    assert found.tags == ()
