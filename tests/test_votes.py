"""The soft label against hand computations, and what makes one unfit."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.records import Completion, Label, Order, Reasoning, Vote
from constitution.votes import OPEN, Range, Thresholds, label, logit, mean_probability, reasoned, spoken, weighed

THRESHOLDS = Thresholds(tie=0.01, order_gap=0.5, mass=0.001)


def vote(principle: str, order: Order, p_first: float | None) -> Vote:
    return Vote(principle=principle, order=order, p_first=p_first)


def both(principle: str, forward: float | None, reversed_: float | None) -> list[Vote]:
    return [vote(principle, "forward", forward), vote(principle, "reversed", reversed_)]


def thought(p_first: float | None) -> Reasoning:
    completion = Completion(text="Hm.", finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    return Reasoning(completion=completion, p_first=p_first)


def test_a_vote_is_the_labels_probabilities_normalised_over_the_two() -> None:
    # 0.3 and 0.1 of all the mass: the first has three quarters of what the two have.
    assert weighed("forward", math.log(0.3), math.log(0.1), 0.0) == pytest.approx(0.75)
    assert weighed("reversed", math.log(0.3), math.log(0.1), 0.0) == pytest.approx(0.25)


def test_a_judge_that_was_not_answering_gives_no_vote() -> None:
    assert weighed("forward", math.log(4e-4), math.log(5e-4), 0.001) is None
    assert weighed("forward", math.log(6e-4), math.log(5e-4), 0.001) is not None


@pytest.mark.parametrize(("a", "b"), [(None, -1.0), (-1.0, None), (None, None)])
def test_a_label_without_log_probability_gives_no_vote(a: float | None, b: float | None) -> None:
    assert weighed("forward", a, b, 0.0) is None


def test_the_label_averages_logits() -> None:
    # Odds 4 and 1/4 cancel; odds 9 and 1 average to 3, so 3/4.
    assert mean_probability([0.8, 0.2]) == pytest.approx(0.5)
    assert mean_probability([0.9, 0.5]) == pytest.approx(0.75)


def test_a_comparison_by_hand() -> None:
    # Odds of the first response, forward: 4 and 1; reversed: 9 and 4/9. Means of logs: 2, 2, and both 2, so 2/3.
    found = label([*both("kind", 4 / 5, 9 / 10), *both("safe", 1 / 2, 4 / 13)], THRESHOLDS)
    assert found.p_forward == pytest.approx(2 / 3)
    assert found.p_reversed == pytest.approx(2 / 3)
    assert found.p == pytest.approx(2 / 3)
    # By principle, both orders averaged: odds 6 and 2/3.
    assert found.disagreement == pytest.approx(abs(6 / 7 - 2 / 5) / 2)
    assert found.status == "labelled"


def test_a_liking_for_a_position_cancels() -> None:
    # The judge adds 3 nats to whatever is shown as (A); the response itself is worth 0.4 nats.
    forward, reversed_ = 1 / (1 + math.exp(-3.4)), 1 / (1 + math.exp(2.6))
    found = label(both("kind", forward, reversed_), THRESHOLDS)
    assert found.p is not None
    assert logit(found.p) == pytest.approx(0.4)
    assert found.status == "inconsistent"


probabilities = st.floats(0.001, 0.999)


@given(st.lists(st.tuples(probabilities, probabilities), min_size=1, max_size=5))
def test_swapping_the_responses_gives_one_minus_p(votes: Sequence[tuple[float, float]]) -> None:
    asked = [one for n, (f, r) in enumerate(votes) for one in both(f"p{n}", f, r)]
    # What was the first is now the second: each vote's probability is turned round, and forward is now reversed.
    swapped = [one for n, (f, r) in enumerate(votes) for one in both(f"p{n}", 1 - r, 1 - f)]
    one, other = label(asked, THRESHOLDS), label(swapped, THRESHOLDS)
    assert one.p is not None and other.p is not None
    assert other.p == pytest.approx(1 - one.p)
    assert one.p_forward is not None
    assert other.p_reversed == pytest.approx(1 - one.p_forward)
    assert other.status == one.status


def test_nothing_readable_is_invalid_and_has_no_probability() -> None:
    assert label([*both("kind", None, 0.9), *both("safe", 0.9, None)], THRESHOLDS) == (
        None,
        None,
        None,
        None,
        "invalid",
    )
    assert label([], THRESHOLDS).status == "invalid"


def test_a_principle_with_one_readable_order_does_not_count() -> None:
    found = label([*both("kind", 0.7, 0.7), *both("safe", 0.001, None)], THRESHOLDS)
    assert found.p == pytest.approx(0.7)
    assert found.disagreement == 0


@pytest.mark.parametrize(
    ("forward", "reversed_", "status"),
    [
        (0.505, 0.505, "tie"),
        (0.52, 0.52, "labelled"),
        (0.8, 0.31, "labelled"),
        (0.8, 0.3, "inconsistent"),
        (0.1, 0.9, "inconsistent"),
        (0.95, 0.55, "labelled"),
    ],
)
def test_the_status(forward: float, reversed_: float, status: str) -> None:
    assert label(both("kind", forward, reversed_), THRESHOLDS).status == status


@pytest.mark.parametrize("others", [0.5, 0.3, 0.123])
def test_a_label_of_a_half_is_a_tie_whatever_the_threshold(others: float) -> None:
    # Two principles that cancel, by logits that miss it by a rounding.
    asked = [*both("kind", others, others), *both("safe", 1 - others, 1 - others)]
    assert label(asked, THRESHOLDS._replace(tie=0.0)).status == "tie"
    assert label(both("kind", 0.501, 0.501), THRESHOLDS._replace(tie=0.0)).status == "labelled"


@pytest.mark.parametrize(
    ("order", "verdict", "p"),
    [("forward", "A", 1.0), ("forward", "B", 0.0), ("reversed", "A", 0.0), ("reversed", "B", 1.0)],
)
def test_a_named_label(order: Order, verdict: Label, p: float) -> None:
    assert spoken(order, verdict) == p
    assert spoken(order, None) is None


def test_chains_of_thought_are_averaged_then_clamped() -> None:
    clamp = Range(0.4, 0.6)
    assert reasoned([thought(1.0), thought(1.0), thought(0.0), thought(0.0)], clamp) == 0.5
    assert reasoned([thought(1.0), thought(1.0), thought(1.0), thought(0.0)], clamp) == 0.6
    assert reasoned([thought(0.0), thought(None)], clamp) == 0.4
    assert reasoned([thought(0.56), thought(None)], clamp) == pytest.approx(0.56)
    assert reasoned([thought(None)], clamp) is None


def test_without_a_clamp_certainty_stays_finite() -> None:
    p = reasoned([thought(1.0)], OPEN)
    assert p is not None and p < 1
    assert label(both("kind", p, p), THRESHOLDS).p == pytest.approx(1, abs=1e-5)


def test_a_clamp_does_not_hide_that_the_orders_contradict_each_other() -> None:
    # A judge that reasons its way to (A) whatever is there: certain in both orders, and clamped to 0.6 and 0.4.
    clamp = Range(0.4, 0.6)
    votes = [
        Vote(principle="kind", order=order, reasonings=(thought(p),), p_first=reasoned([thought(p)], clamp))
        for order, p in (("forward", 1.0), ("reversed", 0.0))
    ]
    found = label(votes, THRESHOLDS)
    assert (found.p_forward, found.p_reversed) == pytest.approx((0.6, 0.4))
    assert found.status == "inconsistent"
