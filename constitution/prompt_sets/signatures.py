"""MinHash signatures in bands: rows that may be alike share the key of at least one band.

Broder 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, section 3.4.

Two rows of Jaccard similarity s have one value of a signature in common with probability s, and the key of one of b
bands of r values with 1 - (1 - s^r)^b. r is the largest for which that is at least `FOUND` at the threshold, as each
more of them makes unlike rows share fewer keys. What shares a key is then compared exactly (`clusters.py`), so the
signature decides what is looked at, and never what is left out.
"""

import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 320
# Of pairs that are just as alike as the threshold; of those more alike, nearly all: at 0.05 above it, 99.9%.
FOUND = 0.98
SEED = 42
# Odd numbers that mix well (splitmix64).
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)


@dataclass(frozen=True)
class Bands:
    """How signatures are cut.

    Attributes:
        number: b.
        rows: r, the values of each.
    """

    number: int
    rows: int

    def found(self, similarity: float) -> float:
        """The probability that two rows so alike are compared at all."""
        return 1 - (1 - similarity**self.rows) ** self.number


def bands_for(threshold: float) -> Bands:
    """The bands with which hardly a pair at the threshold is missed, and as few others as may be are looked at."""
    fitting = (Bands(PERMUTATIONS // rows, rows) for rows in range(PERMUTATIONS, 0, -1))
    return next((bands for bands in fitting if bands.found(threshold) >= FOUND), Bands(PERMUTATIONS, 1))


class BandFiles:
    """The keys of all rows, a file for each band. Use it as a context manager.

    Args:
        folder: A temporary one.
        bands: How signatures are cut.
    """

    def __init__(self, folder: Path, bands: Bands) -> None:
        self.bands = bands
        self._paths = [folder / f"band-{number}" for number in range(bands.number)]
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        """Open for writing."""
        with ExitStack() as stack:
            self._files = [stack.enter_context(path.open("wb")) for path in self._paths]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close; `keys` reads what is there."""
        self._stack.close()

    def add(self, sets: Sequence[AbstractSet[str]]) -> None:
        """Append the keys of some rows, by their shingles."""
        for file, keys in zip(self._files, keys_of(sets, self.bands), strict=True):
            file.write(keys.tobytes())

    def keys(self, band: int) -> NDArray[np.uint64]:
        """One band's keys of all rows."""
        return np.fromfile(self._paths[band], np.uint64)


def keys_of(sets: Sequence[AbstractSet[str]], bands: Bands) -> NDArray[np.uint64]:
    """The keys of some rows: an array of bands by rows."""
    from rensa import RMinHash

    size = bands.number * bands.rows
    matrix = RMinHash.digest_matrix_from_token_sets(sets, size, SEED)
    # The library hands its matrix out as lists only: packed by struct, that takes half of the time that numpy takes.
    pack = struct.Struct(f"={size}I").pack
    values = np.frombuffer(b"".join([pack(*row) for row in matrix.to_rows()]), np.uint32)
    cut = values.reshape(len(sets), bands.number, bands.rows).astype(np.uint64)
    keys = np.zeros((len(sets), bands.number), np.uint64)
    for value in range(bands.rows):
        keys = (keys ^ cut[:, :, value]) * _MULTIPLY
        keys ^= keys >> _SHIFT
    return np.ascontiguousarray(keys.T)
