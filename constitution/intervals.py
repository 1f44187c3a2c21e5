"""Estimates with 95% confidence intervals, for observations that come in clusters (the comparisons of one prompt)."""

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.records import Record

Floats = NDArray[np.float64]
Z = 1.959964
RESAMPLES = 1000

# Student's t has closed forms for so few degrees of freedom; the expansion in `student` is off there.
FEW = {1: 12.706205, 2: 4.302653}


class Estimate(Record):
    """A number, its 95% confidence interval, and how many observations it comes from."""

    value: float
    low: float
    high: float
    n: int

    @property
    def percent(self) -> str:
        """As shares are written: `62.5% [47.0, 75.8], n = 40`."""
        return f"{self.value:.1%} [{self.low * 100:.1f}, {self.high * 100:.1f}], n = {self.n}"

    @property
    def number(self) -> str:
        """As other numbers are written: `0.31 [0.02, 0.55], n = 40`."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"


def share(successes: Sequence[float], clusters: Sequence[Hashable]) -> Estimate | None:
    """A proportion with Wilson's interval; None without observations.

    Observations of one cluster are no independent witnesses: the interval counts with the effective sample size (Korn
    and Graubard 1998), observations divided by the design effect of the clusters.

    Args:
        successes: Between 0 and 1; a half is a draw.
        clusters: Of each observation.
    """
    n = len(successes)
    if not n:
        return None
    p = math.fsum(successes) / n
    sums: dict[Hashable, float] = {}
    for success, cluster in zip(successes, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + success - p
    groups = len(sums)
    variance = groups / max(1, groups - 1) * math.fsum(total**2 for total in sums.values()) / n**2
    # Where all clusters say the same, nothing tells how alike their members are: as many witnesses as clusters.
    effective = min(n, p * (1 - p) / variance) if variance > 1e-12 else groups
    effective = max(effective, 1.0)
    centre = (p + Z**2 / (2 * effective)) / (1 + Z**2 / effective)
    half = Z / (1 + Z**2 / effective) * math.sqrt(p * (1 - p) / effective + Z**2 / (4 * effective**2))
    # At 0 and 1 an end is the value itself, and rounding may put it a hair beyond.
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(value=p, low=low, high=high, n=n)


def bootstrap(
    statistic: Callable[[Floats], float],
    rows: Floats,
    clusters: Sequence[Hashable],
    least: float = -math.inf,
    most: float = math.inf,
) -> Estimate | None:
    """A statistic with its bootstrap interval, whole clusters resampled; None if it cannot be told.

    The interval holds both the percentile and the basic one (Davison and Hinkley 1997, section 2.4), which are the same
    for what is symmetric. Resampling raises what is never negative, such as a calibration error: near zero either one
    alone leaves out the value or what it may well be.

    Args:
        statistic: Of the observations; NaN where it is undefined.
        rows: Observations, [n, columns].
        clusters: Of each observation.
        least: The statistic's least possible value.
        most: Its greatest.
    """
    value = statistic(rows) if len(rows) else math.nan
    groups = _Groups(clusters)
    if math.isnan(value) or len(groups.sizes) < 2:
        return None
    random = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(groups.sizes), size=len(groups.sizes))
        found.append(statistic(rows[groups.places(drawn)]))
    known = [one for one in found if not math.isnan(one)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (value, value)
    low, high = min(float(low), 2 * value - float(high)), max(float(high), 2 * value - float(low))
    return Estimate(value=value, low=max(least, low), high=min(most, high), n=len(rows))


class _Groups:
    """Where the observations of each cluster are, clusters in the order of their first ones."""

    def __init__(self, clusters: Sequence[Hashable]) -> None:
        numbers: dict[Hashable, int] = {}
        codes = np.fromiter((numbers.setdefault(one, len(numbers)) for one in clusters), np.int64, len(clusters))
        self._order = np.argsort(codes, kind="stable")
        self.sizes = np.bincount(codes) if len(codes) else codes
        self._starts = np.cumsum(self.sizes) - self.sizes
        self._alike = len(set(self.sizes.tolist())) == 1

    def places(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        """The observations of these clusters, by cluster, [n]."""
        if self._alike:
            # Most often each cluster is one row, or all have as many.
            return self._order.reshape(len(self.sizes), -1)[drawn].reshape(-1)
        sizes = self.sizes[drawn]
        before = np.cumsum(sizes) - sizes
        places: NDArray[np.int64] = np.repeat(self._starts[drawn] - before, sizes) + np.arange(sizes.sum())
        return self._order[places]


def mean(
    values: Sequence[float], clusters: Sequence[Hashable], least: float = -math.inf, most: float = math.inf
) -> Estimate | None:
    """A mean with Student's interval, from how much clusters differ (Liang and Zeger 1986); None without observations.

    With a value a cluster that is the textbook's. Unlike the bootstrap's, it is wide enough where clusters are few, and
    a million observations take a second. Where all are alike, it is a point. One cluster says nothing of how much they
    differ: then it is all that is possible, or None where nothing bounds that.

    Args:
        values: Observations.
        clusters: Of each observation.
        least: The least possible value.
        most: The greatest.
    """
    n = len(values)
    if not n:
        return None
    value = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for one, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + one - value
    groups = len(sums)
    if groups < 2:
        bounded = math.isfinite(least) and math.isfinite(most)
        return Estimate(value=value, low=least, high=most, n=n) if bounded else None
    error = math.sqrt(groups / (groups - 1) * math.fsum(total**2 for total in sums.values())) / n
    half = student(groups - 1) * error
    return Estimate(value=value, low=max(least, value - half), high=min(most, value + half), n=n)


def student(freedom: int) -> float:
    """The 97.5% quantile of Student's t: Abramowitz and Stegun 26.7.5, but for the first few."""
    if freedom in FEW:
        return FEW[freedom]
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))
