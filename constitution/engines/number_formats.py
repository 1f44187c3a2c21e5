"""Whether this machine's CPU is slow at bfloat16, which models are mostly saved in. Importing this imports no torch."""

import functools
import time
from typing import Any

# bfloat16 products that take this many times as long as float32's are emulated.
SLOW = 2.0
# The side of the matrices, and how many products are timed: some milliseconds, or tens where one format is emulated.
SIDE = 256
TIMES = 5


@functools.cache
def bfloat16_slowness() -> float:
    """How many times as long a product of bfloat16 takes on the CPU as one of float32.

    Measured, as no public call tells: where bfloat16 is emulated its products take several times as long.
    """
    import torch

    # No random numbers: nobody's seed is to depend on what is looked at.
    square = torch.ones(SIDE, SIDE)
    return _seconds_of_product(square.bfloat16()) / _seconds_of_product(square)


def _seconds_of_product(square: Any) -> float:
    """The shortest of several, as what else the machine does only adds; one before them warms up."""
    square @ square
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        square @ square
        seconds.append(time.perf_counter() - started)
    return min(seconds)
