"""Totals of all rows from those of a few: what grows with a prompt's length is corrected by the lengths of all.

The regression estimator of survey sampling (Cochran 1977, chapter 7): the pilot's mean, moved along the line of least
squares to the mean length of all rows. Its interval is Student's, from what the line leaves unexplained.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constitution.intervals import student
from constitution.records import Record

Floats = NDArray[np.float64]
# With fewer rows, a line follows their noise.
LEAST_FOR_LINE = 8


class Amount(Record):
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Population:
    """All rows, and those of the pilot.

    Attributes:
        rows: How many take calls.
        mean: Mean length of all of them.
        lengths: Of the pilot's rows, [pilot].
    """

    rows: int
    mean: float
    lengths: Floats

    def total(self, values: Floats) -> Amount:
        """The total of all rows.

        Args:
            values: Of the pilot's rows, [pilot].
        """
        per_row = self.per_row(values)
        return Amount(value=self.rows * per_row.value, low=self.rows * per_row.low, high=self.rows * per_row.high)

    def per_row(self, values: Floats) -> Amount:
        """The mean of all rows; never below 0."""
        number = len(values)
        mean, freedom = float(values.mean()), number - 1
        left = values - mean
        centred = self.lengths - self.lengths.mean()
        spread = float(centred @ centred)
        if number >= LEAST_FOR_LINE and spread > 0:
            slope = float(centred @ values) / spread
            left = left - slope * centred
            mean, freedom = max(0.0, mean + slope * (self.mean - float(self.lengths.mean()))), number - 2
        # All rows of a small input may be in the pilot: then nothing is left to chance.
        unseen = max(0.0, 1 - number / self.rows)
        variance = float(left @ left) / freedom if freedom > 0 else math.inf
        half = student(freedom) * math.sqrt(variance / number * unseen) if freedom > 0 and unseen else 0.0
        if freedom <= 0 and unseen:
            half = math.inf
        return Amount(value=mean, low=max(0.0, mean - half), high=mean + half)
