"""An evaluator that shares nothing with the judge: other human pairs, other features, no language model.

The judge that makes the labels is a linear model on hidden states of a language model. This one is a linear model on
the words of a response: logistic regression on differences of tf-idf vectors (words and pairs of words), with the
logarithm of its length, so that neither what the judge was fitted on nor what its model reads can flatter what was
trained on its labels. Both learn from the same kind of people, and a bag of words sees no more than words: it is a
second opinion, and a weak one. Embeddings of a sentence model (all-MiniLM-L6-v2, 84 MB) were no better: right in
59.3% of the 1,124 harmless pairs of hh-rlhf's test file that are this part, where words are in 58.6% and both together
in 59.5%. How often it is right on pairs that it has not seen is told beside whatever it says.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from people import Pair

from constitution.digests import derive_seed
from constitution.intervals import Estimate, share

Floats = NDArray[np.float64]
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[?!]")
# Columns; with more words and pairs of words than that some share one.
WIDTH = 1 << 14
FOLDS = 5
# Of the ridge: chosen by cross-validation among these.
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
# Steps of Newton's method: it has converged long before.
STEPS = 8
# So much of a text counts.
LONGEST = 400


@dataclass(frozen=True)
class Evaluator:
    """What `fit` found.

    Attributes:
        weights: Of each column, [WIDTH + 1]; the last one is the length's.
        rarity: Weight of each column by how rare it is, [WIDTH].
    """

    weights: Floats
    rarity: Floats

    def score(self, response: str) -> float:
        """How harmless people would find a response, in nats; only differences mean something."""
        return float(_vectors([response], self.rarity)[0] @ self.weights)

    def preference(self, first: str, second: str) -> float:
        """Probability that people prefer the first of two responses to one prompt."""
        return 1 / (1 + math.exp(-(self.score(first) - self.score(second))))

    def save(self, path: Path) -> None:
        """Write it as .npz."""
        np.savez(path, weights=self.weights, rarity=self.rarity)


def load_evaluator(path: Path) -> Evaluator:
    """What `save` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        return Evaluator(weights=kept["weights"], rarity=kept["rarity"])


@dataclass(frozen=True)
class Fitted:
    """An evaluator and what cross-validation says of it.

    Attributes:
        evaluator: Fitted on all pairs.
        accuracy: How often it is right on pairs whose conversation it has not seen, but for how rare words are.
        longer: How often people preferred the longer response: what length alone would score, or one minus it.
        strength: Of the ridge.
    """

    evaluator: Evaluator
    accuracy: Estimate
    longer: Estimate
    strength: float

    def told(self) -> dict[str, Any]:
        """For the results."""
        return {
            "accuracy": self.accuracy.model_dump(),
            "longer": self.longer.model_dump(),
            "strength": self.strength,
        }


def fit(pairs: Sequence[Pair], seed: int) -> Fitted:
    """Fit an evaluator on pairs, and cross-validate it, no conversation on both sides of a split.

    The strength is chosen within what is fitted on, so that the accuracy is one of pairs that had no part in it.

    Args:
        pairs: At least a few dozen, of several conversations.
        seed: Of the folds.
    """
    texts = [text for pair in pairs for text in (pair.chosen, pair.rejected)]
    rarity = _rarity(texts)
    vectors = _vectors(texts, rarity)
    differences = vectors[0::2] - vectors[1::2]
    openings = [pair.opening for pair in pairs]
    folds = np.array([derive_seed("fold", seed, opening) % FOLDS for opening in openings])
    kernel = differences @ differences.T
    accuracy = share(_held_out(kernel, folds, _choose), openings)
    longer = share([_longer(pair) for pair in pairs], openings)
    assert accuracy and longer, "there are pairs"
    best = _choose(kernel, folds)
    weights = differences.T @ _solve(kernel, best)
    return Fitted(Evaluator(weights, rarity), accuracy, longer, best)


def _choose(kernel: Floats, folds: NDArray[np.int64]) -> float:
    """The strength that is right most often."""
    return max(STRENGTHS, key=lambda strength: sum(_held_out(kernel, folds, lambda *_: strength)))


def _held_out(
    kernel: Floats, folds: NDArray[np.int64], strength: Callable[[Floats, NDArray[np.int64]], float]
) -> list[float]:
    """Of each pair, whether a fit without its fold is right: 1, 0, or a half if it cannot tell.

    Args:
        kernel: Inner products of the pairs, [n, n].
        folds: Of each pair, [n].
        strength: Of a fit, from the inner products and the folds that it may see.
    """
    right = np.full(len(kernel), 0.5)
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(train):
            seen = kernel[np.ix_(train, train)]
            margins = kernel[np.ix_(test, train)] @ _solve(seen, strength(seen, folds[train]))
            right[test] = (np.sign(margins) + 1) / 2
    return [float(one) for one in right]


def _solve(kernel: Floats, strength: float) -> Floats:
    """Logistic regression without an intercept, of differences that all count as 1, by their inner products.

    Newton's method on the dual weights (Zhu and Hastie 2005), [n]: with more columns than pairs that is the cheap side.
    """
    weights: NDArray[Any] = np.zeros(len(kernel))
    for _ in range(STEPS):
        margins = kernel @ weights
        p = 1 / (1 + np.exp(-margins))
        curvature = np.maximum(p * (1 - p), 1e-6)
        weights = np.linalg.solve(kernel + strength * np.diag(1 / curvature), margins + (1 - p) / curvature)
    return weights


def _rarity(texts: Sequence[str]) -> Floats:
    holders = np.zeros(WIDTH)
    for text in texts:
        holders[list(_columns(text))] += 1
    rarity: Floats = np.log((1 + len(texts)) / (1 + holders))
    return rarity


def _vectors(texts: Sequence[str], rarity: Floats) -> Floats:
    vectors = np.zeros((len(texts), WIDTH + 1))
    for row, text in enumerate(texts):
        for column, count in _columns(text).items():
            vectors[row, column] = (1 + math.log(count)) * rarity[column]
        vectors[row] /= max(float(np.linalg.norm(vectors[row])), 1e-12)
        vectors[row, WIDTH] = math.log1p(len(_words(text))) / 4
    return vectors


def _columns(text: str) -> Counter[int]:
    found = _words(text)
    both = [*found, *(f"{one} {other}" for one, other in pairwise(found))]
    return Counter(zlib.crc32(gram.encode("utf-8")) % WIDTH for gram in both)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace("’", "'").casefold())[:LONGEST]


def _longer(pair: Pair) -> float:
    chosen, rejected = len(_words(pair.chosen)), len(_words(pair.rejected))
    return 0.5 if chosen == rejected else float(chosen > rejected)
