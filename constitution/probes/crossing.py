"""Cross-validation of a probe: folds that share no prompt, the choice of layers and strength, and what it is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from constitution.digests import digest
from constitution.probes.ridge import Floats, confidence, log_loss, ridge

SPLITS = 5
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Below it a feature is the same of all responses, and its scale means nothing.
LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class Choice:
    """What is chosen by cross-validation.

    Attributes:
        layers: Places of the layers that count, in the order in which they were read.
        strength: Of the ridge.
    """

    layers: tuple[int, ...]
    strength: float


@dataclass(frozen=True)
class Crossed:
    """What cross-validation found.

    Attributes:
        choice: For the probe of all pairs.
        factor: What its margins are multiplied with, so that they are log-odds.
        margins: Of each pair in nats, by a probe that saw no pair of its split: its choice and its factor are those of
            the other splits.
        splits: The split of each pair.
    """

    choice: Choice
    factor: float
    margins: tuple[float, ...]
    splits: tuple[int, ...]


def split_of(groups: Sequence[str], splits: int = SPLITS) -> tuple[int, ...]:
    """A split for each pair, about equally large; pairs of one group are in one."""
    counts = {group: 0 for group in groups}
    for group in groups:
        counts[group] += 1
    sizes = [0] * splits
    placed: dict[str, int] = {}
    # Larger ones first, as they are the harder to place; otherwise by a hash, so that no order of the file counts.
    for group in sorted(counts, key=lambda one: (-counts[one], digest(one))):
        smallest = min(range(splits), key=sizes.__getitem__)
        placed[group] = smallest
        sizes[smallest] += counts[group]
    return tuple(placed[group] for group in groups)


def scale_of(differences: Floats) -> Floats:
    """The size of each feature: its root mean square over pairs, as each difference stands for both orders."""
    size: Floats = np.sqrt(np.mean(np.square(differences), axis=0))
    return np.maximum(size, LEAST_SCALE)


def weights_of(differences: Floats, strengths: Sequence[float]) -> Floats:
    """Weights of features as they are, [strengths, …], fitted with each of them scaled to the same size."""
    scale = scale_of(differences)
    scaled = (differences / scale).reshape(len(differences), -1)
    found = ridge(scaled, strengths)
    result: Floats = found.reshape(len(strengths), *differences.shape[1:]) / scale
    return result


def cross_validate(
    differences: Floats,
    groups: Sequence[str],
    strengths: Sequence[float] = STRENGTHS,
    tell: Callable[[int, int], None] | None = None,
) -> Crossed:
    """Choose layers and strength, and measure what comes of it.

    Candidates are each layer by itself and all of them together. A split's probe is chosen by the other splits, each of
    which is judged by probes of the remaining three (nested cross-validation), by the likelihood of what people
    preferred.

    Args:
        differences: Features of what people preferred less those of the other, [pairs, layers, poolings, width].
        groups: Of each pair; no group is on both sides of a split.
        strengths: Candidates.
        tell: Called with how many fits are done, and how many there are.
    """
    depth = differences.shape[1]
    sets = [(layer,) for layer in range(depth)] + ([tuple(range(depth))] if depth > 1 else [])
    splits = np.array(split_of(groups))
    candidates = [Choice(layers, strength) for layers in sets for strength in strengths]
    total = SPLITS + SPLITS * (SPLITS - 1) // 2
    done = 0

    @cache
    def without(left_out: frozenset[int]) -> Floats:
        """Margins of the pairs of these splits, by each candidate fitted on all others: [candidates, pairs]."""
        nonlocal done
        held = np.isin(splits, list(left_out))
        rows = []
        for layers in sets:
            own = differences[:, list(layers)]
            weights = weights_of(own[~held], strengths)
            rows.append(weights.reshape(len(strengths), -1) @ own[held].reshape(held.sum(), -1).T)
        done += 1
        if tell:
            tell(done, total)
        margins = np.full((len(candidates), len(splits)), np.nan, dtype=np.float32)
        margins[:, held] = np.concatenate(rows)
        return margins

    def chosen(others: Sequence[int], beside: frozenset[int]) -> tuple[int, float]:
        """The best candidate by these splits, each judged without itself and those beside; and its factor."""
        parts = [without(beside | {split})[:, splits == split] for split in others]
        margins = np.concatenate(parts, axis=1)
        factors = [confidence(row) for row in margins.tolist()]
        losses = [log_loss(row, factor) for row, factor in zip(margins.tolist(), factors, strict=True)]
        best = min(range(len(candidates)), key=losses.__getitem__)
        return best, factors[best]

    everything = range(SPLITS)
    margins = np.zeros(len(splits))
    for split in everything:
        best, factor = chosen([other for other in everything if other != split], frozenset({split}))
        own = splits == split
        margins[own] = factor * without(frozenset({split}))[best, own]
    best, factor = chosen(everything, frozenset())
    return Crossed(candidates[best], factor, tuple(margins.tolist()), tuple(splits.tolist()))
