"""Bradley-Terry strengths from soft labels."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.ranking import Duel, ranks, strengths
from constitution.votes import logit, sigmoid


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_labels_made_from_strengths_give_those_strengths_back(true: list[float]) -> None:
    duels = [Duel(i, j, sigmoid(true[i] - true[j])) for i, j in combinations(range(len(true)), 2)]
    found = strengths(len(true), duels)
    mean = math.fsum(true) / len(true)
    assert found == pytest.approx([strength - mean for strength in true], abs=1e-4)


def test_two_responses_are_as_far_apart_as_their_label_says() -> None:
    found = strengths(2, [Duel(0, 1, 0.8)])
    assert found is not None
    assert found[0] - found[1] == pytest.approx(logit(0.8))
    assert ranks(found) == [1, 2]


def test_a_cycle_is_a_draw_of_all() -> None:
    found = strengths(3, [Duel(0, 1, 0.8), Duel(1, 2, 0.8), Duel(0, 2, 0.2)])
    assert found == pytest.approx([0, 0, 0], abs=1e-6)
    assert found is not None and ranks(found) == [1, 1, 1]


def test_a_chain_of_labels_ranks_those_who_never_met() -> None:
    found = strengths(3, [Duel(0, 1, 0.7), Duel(1, 2, 0.7)])
    assert found is not None
    assert ranks(found) == [1, 2, 3]
    assert found[0] - found[2] == pytest.approx(2 * logit(0.7))


def test_responses_that_no_label_connects_are_not_ranked() -> None:
    assert strengths(4, [Duel(0, 1, 0.7), Duel(2, 3, 0.7)]) is None
    assert strengths(2, []) is None


def test_equal_strengths_share_a_place() -> None:
    assert ranks([0.5, -1.0, 0.5, 0.0]) == [1, 4, 1, 3]


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_certain_labels_are_fitted_to_the_end(count: int) -> None:
    # Each response beats all after it for sure; at the maximum every response wins as often as its strength says.
    duels = [Duel(i, j, 1 - 1e-6) for i, j in combinations(range(count), 2)]
    found = strengths(count, duels)
    assert found is not None
    for number in range(count):
        won = sum(d.p if d.first == number else 1 - d.p for d in duels if number in (d.first, d.second))
        expected = sum(sigmoid(found[number] - other) for n, other in enumerate(found) if n != number)
        assert won == pytest.approx(expected, abs=1e-9)
    assert ranks(found) == list(range(1, count + 1))
