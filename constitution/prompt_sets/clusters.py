"""Which rows say what an earlier row says: candidates by their keys, then by exact comparison.

1. Rows of one plain text are one. Only the first of them is looked at further.
2. Band by band, rows of one key are compared; those at least as alike as the threshold are joined into one cluster.
3. In each cluster, in the order of the rows: a row is a duplicate of the kept row that it is most like, if that is at
   least the threshold; else it is kept.

So each row that is left out is at least so like one that is kept, as the third step does not go from neighbour to
neighbour; and whether two rows are alike never rests on the estimate. Memory: arrays of some 60 bytes a row at most.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constitution.prompt_sets.shingles import jaccard, shingles
from constitution.prompt_sets.signatures import BandFiles
from constitution.prompt_sets.spool import Spool

# Rows of one key that are compared each with each; of more, each with the first ones of the clusters among them.
MOST_PAIRED = 32
MOST_FIRSTS = 64
# Rows of a cluster by which it is told which n-grams are rare in it.
MOST_COUNTED = 1000

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Duplicates:
    """What each row is a duplicate of.

    Attributes:
        of: The number of the kept row; -1 of a row that is kept. An int32 for each row.
        similarity: Jaccard similarity to it; 1 of rows of the same plain text. A float32 for each row.
        exact: How many rows have the plain text of an earlier one.
        compared: Pairs that were compared.
    """

    of: NDArray[np.int32]
    similarity: NDArray[np.float32]
    exact: int
    compared: int


def find_duplicates(
    texts: Spool, hashes: NDArray[np.uint64], bands: BandFiles, threshold: float, watch: Watch, fixed: int = 0
) -> Duplicates:
    """Find them.

    Args:
        texts: Plain texts by row; the empty ones are nobody's duplicates.
        hashes: Of each plain text; 0 of an empty one.
        bands: The keys of all rows.
        threshold: Least similarity, over 0 to 1.
        watch: Told the step, how much of it is done, and of how much.
        fixed: So many of the first rows are kept, whatever they are like.
    """
    same = _first_of_same(hashes)
    firsts = np.flatnonzero((same == np.arange(len(same))) & (hashes != 0)).astype(np.int32)
    clusters = _Clusters(texts, len(hashes), threshold)
    for band in range(bands.bands.number):
        watch("bands compared", band, bands.bands.number)
        for group in _groups(bands.keys(band), firsts):
            clusters.join(group)
    watch("bands compared", bands.bands.number, bands.bands.number)
    of = np.full(len(hashes), -1, np.int32)
    similarity = np.zeros(len(hashes), np.float32)
    for cluster in clusters.all():
        for row, kept, alike in clusters.left_out(cluster, fixed):
            of[row], similarity[row] = kept, alike
    copies = np.flatnonzero((same != np.arange(len(same))) & (np.arange(len(same)) >= fixed))
    first = same[copies]
    stays = of[first] < 0
    of[copies] = np.where(stays, first, of[first])
    similarity[copies] = np.where(stays, 1, similarity[first])
    return Duplicates(of, similarity, len(copies), clusters.compared)


def _first_of_same(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    """By row, the first row of the same hash; a hash of 0 is nobody else's."""
    same = np.arange(len(hashes), dtype=np.int32)
    for group in _groups(hashes, np.flatnonzero(hashes != 0).astype(np.int32)):
        same[group] = group[0]
    return same


def _groups(keys: NDArray[np.uint64], rows: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """The rows of each key that several have, in their order."""
    found = keys[rows]
    order = np.argsort(found, kind="stable")
    found = found[order]
    # Where a key is that of the next row, too: where such runs begin and end. Numbers of runs take little memory.
    again = np.concatenate([[0], (found[1:] == found[:-1]).view(np.int8), [0]]).astype(np.int8)
    edges = np.diff(again)
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        yield rows[order[start : end + 1]]


class _Kept:
    """The kept rows of a cluster, by the n-grams that a row like them must share (Chaudhuri, Ganti and Kaushik 2006).

    With all n-grams in one order, whatever it is, two sets that are at least as alike as the threshold share one of the
    first (1 - threshold) of each. The rarest come first, so that few rows share them.
    """

    def __init__(self, threshold: float, rarity: Counter[str]) -> None:
        self._threshold, self._rarity = threshold, rarity
        self._rows: dict[str, list[int]] = {}

    def add(self, row: int, own: set[str]) -> None:
        """A row is kept."""
        for gram in self._first(own):
            self._rows.setdefault(gram, []).append(row)

    def like(self, own: set[str]) -> list[int]:
        """The kept rows that may be alike, in their order."""
        return sorted({row for gram in self._first(own) for row in self._rows.get(gram, ())})

    def _first(self, own: set[str]) -> list[str]:
        # What float arithmetic adds must not take one away.
        needed = math.ceil(self._threshold * len(own) - 1e-9)
        return sorted(own, key=lambda gram: (self._rarity[gram], gram))[: len(own) - needed + 1]


class _Clusters:
    """Rows that hang together (union-find)."""

    def __init__(self, texts: Spool, rows: int, threshold: float) -> None:
        self._texts = texts
        self._threshold = threshold
        self._parents = np.arange(rows, dtype=np.int32)
        self.compared = 0

    def join(self, group: NDArray[np.int32]) -> None:
        """Compare rows of one key, and join those that are alike."""
        rows = group.tolist()
        roots = [self._root(row) for row in rows]
        if len(set(roots)) == 1:
            return
        sets = [self._shingles(row) for row in rows] if len(rows) <= MOST_PAIRED else []
        if sets:
            for later in range(1, len(rows)):
                for earlier in range(later):
                    if self._root(rows[earlier]) != self._root(rows[later]) and self._alike(sets[earlier], sets[later]):
                        self._unite(rows[earlier], rows[later])
            return
        firsts: dict[int, set[str]] = {}
        for row in rows:
            root = self._root(row)
            if root in firsts:
                continue
            own = self._shingles(row)
            like = next((first for first, other in firsts.items() if self._alike(other, own)), None)
            if like is not None:
                self._unite(like, row)
                # The smaller of both is the root from now on.
                firsts[self._root(like)] = firsts.pop(like)
            elif len(firsts) < MOST_FIRSTS:
                firsts[root] = own

    def all(self) -> Iterator[list[int]]:
        """The clusters of several rows, each in the order of its rows."""
        for row in range(len(self._parents)):
            self._parents[row] = self._root(row)
        for group in _groups(self._parents.astype(np.uint64), np.arange(len(self._parents), dtype=np.int32)):
            yield group.tolist()

    def left_out(self, cluster: list[int], fixed: int) -> Iterator[tuple[int, int, float]]:
        """Of a cluster's rows those that are left out, with the kept row and how like it they are."""
        kept = _Kept(self._threshold, self._rarity(cluster))
        for row in cluster:
            own = self._shingles(row)
            best, like = 0.0, -1
            for other in kept.like(own) if row >= fixed else ():
                if (alike := jaccard(self._shingles(other), own)) > best:
                    best, like = alike, other
            if best >= self._threshold:
                yield row, like, best
            else:
                kept.add(row, own)

    def _rarity(self, cluster: list[int]) -> Counter[str]:
        """In how many of some of a cluster's rows each n-gram is."""
        return Counter(gram for row in cluster[:MOST_COUNTED] for gram in self._shingles(row))

    def _alike(self, first: set[str], second: set[str]) -> bool:
        if not self._may_be_alike(first, second):
            return False
        self.compared += 1
        return jaccard(first, second) >= self._threshold

    def _may_be_alike(self, first: set[str], second: set[str]) -> bool:
        """Whether their sizes allow it."""
        small, large = sorted((len(first), len(second)))
        return small >= self._threshold * large

    def _shingles(self, row: int) -> set[str]:
        return shingles(self._texts[row])

    def _root(self, row: int) -> int:
        parents = self._parents
        while (above := int(parents[row])) != row:
            parents[row] = parents[above]
            row = above
        return row

    def _unite(self, first: int, second: int) -> None:
        first, second = sorted((self._root(first), self._root(second)))
        self._parents[second] = first
