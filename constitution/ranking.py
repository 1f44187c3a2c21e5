"""Rank the responses to one prompt from soft pairwise labels: the Bradley-Terry model."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

# Strengths are known to about this many nats.
PRECISION = 1e-9
MOST_STEPS = 500


class Duel(NamedTuple):
    """Responses `first` and `second` (their numbers) and the probability that the first is better, in (0, 1)."""

    first: int
    second: int
    p: float


def strengths(count: int, duels: Sequence[Duel]) -> list[float] | None:
    """Log-strengths in nats, mean 0: P(i better than j) = sigmoid(s_i − s_j); None if they do not connect all.

    Each soft label counts as one contest, won `p` times by the first and `1 − p` times by the second (Bradley and Terry
    1952). Maximum likelihood by Newton's method; the likelihood is concave. Labels strictly between 0 and 1 give every
    response wins and losses, so the maximum exists wherever they connect all.

    Args:
        count: How many responses there are.
        duels: At most one a pair.
    """
    opponents: dict[int, list[int]] = {number: [] for number in range(count)}
    for duel in duels:
        opponents[duel.first].append(duel.second)
        opponents[duel.second].append(duel.first)
    if not _connected(opponents):
        return None
    first, second = (np.array([getattr(duel, end) for duel in duels]) for end in ("first", "second"))
    p = np.array([duel.p for duel in duels])
    found = np.zeros(count)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(found[second] - found[first]))
        slope, curve = np.zeros(count), np.zeros((count, count))
        np.add.at(slope, first, p - chance)
        np.add.at(slope, second, chance - p)
        weight = chance * (1 - chance)
        for one, other in ((first, second), (second, first)):
            np.add.at(curve, (one, one), weight)
            np.add.at(curve, (one, other), -weight)
        # All strengths may be raised alike: of all solutions the one with mean 0. Far from the maximum the curve is
        # flat, and a full step would leap over it.
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        step -= step.mean()
        found += step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < PRECISION:
            break
    strengths: list[float] = found.tolist()
    return strengths


def ranks(values: Sequence[float]) -> list[int]:
    """Places from 1, the largest first; values that are as good as equal share a place."""
    return [1 + sum(other > value + 1e-6 for other in values) for value in values]


def _connected(opponents: Mapping[int, Sequence[int]]) -> bool:
    seen, open_ = {0}, [0]
    while open_:
        for other in opponents[open_.pop()]:
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return len(seen) == len(opponents)
