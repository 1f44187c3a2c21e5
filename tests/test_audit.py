"""A judge's health: estimates against hand computations, intervals against simulation, and the warnings."""

import random
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from constitution.intervals import bootstrap, share
from constitution.records import Candidate, Comparison, Message, Order, Vote
from constitution.report.audit import audit
from constitution.report.audit_lines import audit_lines
from constitution.votes import Thresholds, label

Gold = Literal["first", "second"]


def compared(
    number: int,
    votes: Sequence[tuple[float | None, float | None]],
    gold: Gold | None = None,
    lengths: tuple[int, int] = (5, 6),
    row: str = "",
) -> Comparison:
    """A comparison by the forward and reversed probabilities of each principle."""
    orders: tuple[Order, Order] = ("forward", "reversed")
    made = tuple(
        Vote(principle=f"p{n}", order=order, p_first=p)
        for n, both in enumerate(votes)
        for order, p in zip(orders, both, strict=True)
    )
    first, second = ("x" * length for length in lengths)
    return Comparison(
        id=f"{number}",
        row=row or f"row-{number}",
        index=number,
        pairs=1,
        prompt=(Message(role="user", content=row or f"{number}?"),),
        metadata={},
        first=Candidate(text=first, source="sample-1"),
        second=Candidate(text=second, source="sample-2"),
        votes=made,
        gold=gold,
        **label(made, Thresholds(0.01, 0.5, 0.0))._asdict(),
    )


def test_position_and_agreement_by_hand() -> None:
    found = audit(
        [
            compared(0, [(0.8, 0.7)]),  # both prefer the first: once as (A), once as (B)
            compared(1, [(0.9, 0.2)]),  # (A) twice
            compared(2, [(0.4, 0.8)]),  # (B) twice
            compared(3, [(0.9, 0.1)]),  # (A) twice
        ]
    )
    assert found.first_position is not None and found.order_agreement is not None and found.order_gap is not None
    assert (found.first_position.value, found.first_position.n) == (5 / 8, 8)
    assert (found.order_agreement.value, found.order_agreement.n) == (1 / 4, 4)
    assert found.order_gap.value == pytest.approx((0.1 + 0.7 + 0.4 + 0.8) / 4)
    assert found.statuses == {"labelled": 2, "inconsistent": 2}


def test_disagreement_between_principles_by_hand() -> None:
    found = audit([compared(0, [(0.8, 0.8), (0.2, 0.2)]), compared(1, [(0.8, 0.8), (0.6, 0.6)])])
    assert found.principle_split is not None and found.principle_disagreement is not None
    assert found.principle_split.value == 0.5
    assert found.principle_disagreement.value == pytest.approx((0.3 + 0.1) / 2)
    assert audit([compared(0, [(0.8, 0.8)])]).principle_split is None


def test_the_histogram_has_ten_bins_and_holds_every_label() -> None:
    ps = [0.05, 0.15, 0.15, 0.95, 0.55, 0.999]
    assert audit([compared(n, [(p, p)]) for n, p in enumerate(ps)]).histogram == (1, 2, 0, 0, 0, 1, 0, 0, 0, 2)


def test_accuracy_counts_both_sides_and_orders() -> None:
    found = audit(
        [
            compared(0, [(0.9, 0.9)], "first"),
            compared(1, [(0.9, 0.9)], "second"),
            compared(2, [(0.1, 0.1)], "second"),
            # The first shown as (A) wins; people's choice is the second, which is (A) when reversed.
            compared(3, [(0.9, 0.3)], "second"),
            compared(4, [(None, None)], "first"),
        ]
    )
    assert found.accuracy is not None and found.accuracy_as_a is not None and found.accuracy_as_b is not None
    assert (found.accuracy.value, found.accuracy.n) == (2 / 4, 4)
    assert found.accuracy_as_a.value == 3 / 4
    assert found.accuracy_as_b.value == 2 / 4


def test_gold_pairs_count_for_accuracy_only() -> None:
    found = audit([compared(0, [(0.9, 0.9)])], gold=[compared(1, [(0.1, 0.9)], "first")])
    assert found.statuses == {"labelled": 1}
    assert found.order_agreement is not None and found.order_agreement.n == 1
    assert found.accuracy is not None and found.accuracy.n == 1


def test_calibration_by_hand() -> None:
    # Ten at 0.95 of which nine are right, ten at 0.62 of which five are.
    made = [compared(n, [(0.95, 0.95)], "first" if n else "second") for n in range(10)]
    made += [compared(10 + n, [(0.62, 0.62)], "first" if n % 2 else "second") for n in range(10)]
    found = audit(made)
    assert found.calibration_error is not None
    assert found.calibration_error.value == pytest.approx((0.05 + 0.12) / 2)
    bins = [(row.low, row.n, row.confidence, row.accuracy) for row in found.reliability]
    assert bins == [pytest.approx((0.6, 10, 0.62, 0.5)), pytest.approx((0.9, 10, 0.95, 0.9))]


def test_labels_that_follow_length_are_told_and_warned_of() -> None:
    chance = random.Random(0)
    made = []
    for number in range(80):
        lengths = chance.randint(1, 100), chance.randint(1, 100)
        p = 0.5 + (lengths[0] - lengths[1]) / 250 + chance.uniform(-0.05, 0.05)
        made.append(compared(number, [(p, p)], lengths=lengths))
    found = audit(made)
    assert found.length_correlation is not None
    assert found.length_correlation.low > 0.9
    assert any("prefers longer responses" in warning for warning in found.warnings)


def test_a_judge_that_is_right_agrees_with_itself_and_with_people_without_warning() -> None:
    made = [compared(n, [(0.9, 0.8)] if n % 2 else [(0.2, 0.1)], "first" if n % 2 else "second") for n in range(60)]
    found = audit(made)
    assert found.warnings == ()
    assert found.accuracy is not None and found.accuracy.value == 1 and 0.9 < found.accuracy.low < 1


def test_a_judge_that_guesses_is_warned_of() -> None:
    chance = random.Random(1)
    made = [compared(n, [(chance.random(), chance.random())], chance.choice(["first", "second"])) for n in range(100)]
    warnings = "\n".join(audit(made).warnings)
    assert "better than chance at what people prefer" in warnings
    assert "orders agree more often than by chance" in warnings


@pytest.mark.parametrize(("p_a", "side"), [(0.9, "A"), (0.1, "B")])
def test_a_judge_that_only_knows_positions_is_warned_of(p_a: float, side: str) -> None:
    warnings = "\n".join(audit([compared(n, [(p_a, 1 - p_a)]) for n in range(30)]).warnings)
    assert f"nearly always prefers the response shown as ({side})" in warnings


def test_the_lines_tell_every_number_and_warnings_last() -> None:
    made = [compared(n, [(0.9, 0.2), (0.8, 0.3)], "second") for n in range(30)]
    lines = audit_lines(audit(made))
    text = "\n".join(lines)
    assert "the response shown as (A) wins: 100.0% [" in text
    assert "agrees with people: 0.0% [0.0, 11.4], n = 30" in text
    assert "30 of them, mean confidence 0.58" in text
    assert lines[-1].startswith("warning: ")


def test_without_comparisons_nothing_is_told_and_nothing_breaks() -> None:
    found = audit([])
    assert found.first_position is None and found.warnings == ()
    assert "the two orders agree: cannot be told (chance: 50%)" in audit_lines(found)


# Intervals


def test_a_share_lies_in_its_interval() -> None:
    for n in range(1, 400):
        for value in (0.0, 1.0):
            found = share([value] * n, list(map(str, range(n))))
            assert found and found.low <= found.value <= found.high
            assert value in (found.low, found.high)


def test_wilsons_interval_where_clusters_are_single() -> None:
    # Wilson 1927 for 8 of 10: (0.4902, 0.9433); the effective size differs by the factor 10/9.
    found = share([1.0] * 8 + [0.0] * 2, [str(n) for n in range(10)])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=0.02)


def test_copies_of_an_observation_are_no_further_witnesses() -> None:
    one = share([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], list("abcdef"))
    five = share([1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 5, list("abcdef") * 5)
    assert one is not None and five is not None
    assert five.n == 30
    assert (five.low, five.high) == pytest.approx((one.low, one.high))


def test_intervals_hold_the_truth_nineteen_times_in_twenty() -> None:
    chance = random.Random(2)
    held = 0
    for _ in range(400):
        # Forty prompts of four comparisons that share their prompt's own chance: 0.6 on average.
        rows = [(chance.betavariate(3, 2), cluster) for cluster in range(40)]
        drawn = [(float(chance.random() < p), str(cluster)) for p, cluster in rows for _ in range(4)]
        found = share([y for y, _ in drawn], [cluster for _, cluster in drawn])
        assert found is not None
        held += found.low <= 0.6 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_the_bootstraps_interval_of_a_mean_is_that_of_the_normal() -> None:
    values = np.random.default_rng(3).normal(size=(400, 1))
    found = bootstrap(lambda rows: float(rows.mean()), values, [str(n) for n in range(400)])
    assert found is not None
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_the_interval_of_a_calibration_error_holds_it_and_what_it_may_well_be() -> None:
    chance = random.Random(4)
    held = 0
    for _ in range(20):
        # A judge that is always 0.7 sure and right as often: its true error is zero.
        made = [compared(n, [(0.7, 0.7)], "first" if chance.random() < 0.7 else "second") for n in range(60)]
        error = audit(made).calibration_error
        assert error is not None
        assert error.low <= error.value <= error.high
        # Sixty observations tell a share to about six percent: nobody can be surer of the error than that.
        assert error.high > 0.05
        held += error.low <= 0.0
    assert held >= 17


def test_one_prompt_alone_has_no_interval() -> None:
    found = audit([compared(n, [(0.9, 0.8)], row="same", lengths=(9, 5)) for n in range(5)])
    assert found.length_correlation is None and found.order_gap is None


def test_which_response_is_called_the_first_does_not_matter() -> None:
    chance = random.Random(5)
    made, swapped = [], []
    for n in range(40):
        lengths = chance.randint(1, 50), chance.randint(1, 50)
        p = 1 / (1 + 2.7 ** (-(lengths[0] - lengths[1]) / 20 + chance.gauss(0, 1)))
        made.append(compared(n, [(p, p)], lengths=lengths))
        turned = n % 2 == 0
        swapped.append(compared(n, [(1 - p, 1 - p)], lengths=lengths[::-1]) if turned else made[-1])
    one, other = audit(made).length_correlation, audit(swapped).length_correlation
    assert one is not None and other is not None
    assert one.value == pytest.approx(other.value) and 0.2 < one.value < 0.95


@pytest.mark.parametrize("clusters", ["aabbcc", "abcdef", "abacbd", "aaabcc"])
def test_the_bootstrap_draws_whole_clusters(clusters: str) -> None:
    seen: list[list[float]] = []

    def kept(rows: np.ndarray) -> float:
        seen.append(sorted(rows[:, 0].tolist()))
        return float(rows.mean())

    bootstrap(kept, np.arange(6.0).reshape(6, 1), list(clusters))
    names = list(dict.fromkeys(clusters))
    random = np.random.default_rng(0)
    for found in seen[1:]:
        drawn = [names[n] for n in random.integers(len(names), size=len(names))]
        assert found == sorted(float(n) for name in drawn for n, of in enumerate(clusters) if of == name)
    assert len(seen) == 1001
