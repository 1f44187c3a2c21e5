"""How many items of each stratum a sample has."""

import heapq
from collections.abc import Sequence


def allocate(sizes: Sequence[int], number: int, equal: bool = False) -> list[int]:
    """Share out a sample among strata: in proportion to their sizes, and at least one of each where there are enough.

    Proportional allocation (Cochran, Sampling Techniques, 3rd edition 1977, chapter 5), with two departures. A stratum
    too small for a share of its own has one item nevertheless: weights of size over drawn keep estimates unbiased.
    And numbers are rounded by Sainte-Laguë's divisors, not by the largest remainder: by the latter, a larger sample can
    have less of a stratum than a smaller one (the Alabama paradox; Balinski and Young, Fair Representation, 1982).
    Here items are given out one by one, so that a larger sample holds every smaller one.

    Args:
        sizes: Of the strata, each at least 1, the largest first.
        number: How many items in all.
        equal: As many of each as of any other, as far as there are that many: to compare strata with each other.

    Returns:
        How many of each; their sum is `number`, or that of the sizes if it is smaller.
    """
    drawn = [1 if place < number else 0 for place in range(len(sizes))]

    def claim(place: int) -> tuple[float, int]:
        return -(1 if equal else sizes[place]) / (2 * drawn[place] + 1), place

    claims = [claim(place) for place, size in enumerate(sizes) if size > 1]
    heapq.heapify(claims)
    for _ in range(min(number, sum(sizes)) - sum(drawn)):
        _, place = claims[0]
        drawn[place] += 1
        if drawn[place] < sizes[place]:
            heapq.heapreplace(claims, claim(place))
        else:
            heapq.heappop(claims)
    return drawn
