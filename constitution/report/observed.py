"""Observations of one kind, and the prompts that they are about."""

import math
from array import array
from collections.abc import Iterable

import numpy as np

from constitution.digests import digest
from constitution.intervals import Estimate, Floats, mean, share
from constitution.records import Message


class Observed:
    """Observations of one kind: sixteen bytes each, as a run may have millions.

    Attributes:
        values: In order.
        clusters: Of each.
    """

    def __init__(self) -> None:
        self.values = array("d")
        self.clusters = array("Q")

    def __len__(self) -> int:
        return len(self.values)

    def add(self, value: float, cluster: int) -> None:
        """One more, of a cluster as `cluster_of` gives it."""
        self.values.append(value)
        self.clusters.append(cluster)

    @property
    def column(self) -> Floats:
        """The values as observations for `intervals.bootstrap`, [n, 1]."""
        return np.array(self.values, dtype=np.float64).reshape(len(self), 1)

    def share(self) -> Estimate | None:
        """See `intervals.share`."""
        return share(self.values, self.clusters)

    def mean(self, least: float = -math.inf, most: float = math.inf) -> Estimate | None:
        """See `intervals.mean`."""
        return mean(self.values, self.clusters, least, most)


def cluster_of(prompt: Iterable[Message]) -> int:
    """What a row is about, in 64 bits: rows of one prompt are no independent witnesses."""
    return int(digest([message.model_dump() for message in prompt]), 16)
