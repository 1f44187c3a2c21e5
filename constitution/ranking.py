"""Rank the responses to one prompt from soft pairwise labels: the Bradley-Terry model."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Strengths are known to about this many nats.
PRECISION = 1e-9
MOST_STEPS = 10_000


class Duel(NamedTuple):
    """Responses `first` and `second` (their numbers) and the probability that the first is better, in (0, 1)."""

    first: int
    second: int
    p: float


def strengths(count: int, duels: Sequence[Duel]) -> list[float] | None:
    """Log-strengths in nats, mean 0: P(i better than j) = sigmoid(s_i − s_j); None if they do not connect all.

    Each soft label counts as one contest, won `p` times by the first and `1 − p` times by the second. Maximum
    likelihood by the steps of Hunter (2004, "MM algorithms for generalized Bradley-Terry models", equation 3). Labels
    strictly between 0 and 1 give every response wins and losses, so the maximum exists wherever they connect all.

    Args:
        count: How many responses there are.
        duels: At most one a pair.
    """
    opponents: dict[int, list[int]] = {number: [] for number in range(count)}
    wins = [0.0] * count
    for duel in duels:
        opponents[duel.first].append(duel.second)
        opponents[duel.second].append(duel.first)
        wins[duel.first] += duel.p
        wins[duel.second] += 1 - duel.p
    if not _connected(opponents):
        return None
    weights = [1.0] * count
    for _ in range(MOST_STEPS):
        new = [wins[i] / sum(1 / (weights[i] + weights[j]) for j in opponents[i]) for i in range(count)]
        scale = math.exp(sum(map(math.log, new)) / count)
        new = [weight / scale for weight in new]
        moved = max(abs(math.log(a / b)) for a, b in zip(new, weights, strict=True))
        weights = new
        if moved < PRECISION:
            break
    return [math.log(weight) for weight in weights]


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
