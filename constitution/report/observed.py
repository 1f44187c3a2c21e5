"""Observations of one kind, and the prompts that they are about."""

import math
from array import array
from collections.abc import Iterable

from constitution.digests import digest
from constitution.records import Message
from constitution.report.intervals import Estimate, mean, share


class Observed:
    """Observations of one kind: sixteen bytes each, as a run may have millions."""

    def __init__(self) -> None:
        self._values = array("d")
        self._clusters = array("Q")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float, cluster: int) -> None:
        """One more, of a cluster as `cluster_of` gives it."""
        self._values.append(value)
        self._clusters.append(cluster)

    def share(self) -> Estimate | None:
        """See `intervals.share`."""
        return share(self._values, self._clusters)

    def mean(self, least: float = -math.inf, most: float = math.inf) -> Estimate | None:
        """See `intervals.mean`."""
        return mean(self._values, self._clusters, least, most)


def cluster_of(prompt: Iterable[Message]) -> int:
    """What a row is about, in 64 bits: rows of one prompt are no independent witnesses."""
    return int(digest([message.model_dump() for message in prompt]), 16)
