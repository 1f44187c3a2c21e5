"""The same words in many rows: what a model says whatever it is asked."""

from array import array
from collections.abc import Iterable, Sequence
from zlib import crc32

from constitution.gates.seen import Finding, Seen, covered, ngrams, plain, short, unit

# Words of a run that two responses have in common by no accident.
_SIZE = 8
# Of shorter responses the whole is one run; of less than that, nothing is said.
_LEAST_WORDS = 4
# A run is boilerplate that stands in this share of the rows, and in so many at least.
SHARE = 0.01
LEAST_ROWS = 5
# Places for counts: 16 MB, whatever the run's length. Runs that share a place add up: with responses of 200 words that
# makes a run seem to stand in 5 rows of 100,000 more than it does, where 1,000 are asked for.
_PLACES = 1 << 22


class Frequencies:
    """In how many rows each run of 8 words stands, by its hash; memory is bounded.

    Attributes:
        rows: How many were looked at.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._counts: array[int] = array("I")

    def see(self, texts: Iterable[str]) -> None:
        """Take note of a row's responses: a run that stands in several of them counts once."""
        if not self._counts:
            self._counts = array("I", bytes(4 * _PLACES))
        self.rows += 1
        for place in {place for text in texts for place in _places(plain(text))}:
            self._counts[place] += 1

    def of(self, said: Sequence[str]) -> list[int]:
        """In how many rows each run of a response stands, in order."""
        return [self._counts[place] for place in _places(said)] if self._counts else []


def boilerplate(seen: Seen, frequencies: Frequencies) -> Finding | None:
    """The share of the response's words in runs of 8 that at least one in a hundred rows have, and at least 5 rows.

    Of scripts without spaces, runs have 16 characters; a response of 4 to 8 words is one run. None in a run of less
    than 5 rows. What rows of one prompt share counts as shared.
    """
    if frequencies.rows < LEAST_ROWS:
        return None
    counts = frequencies.of(seen.plain)
    if not counts:
        return Finding(0.0)
    least = max(LEAST_ROWS, SHARE * frequencies.rows)
    size = min(unit(seen.plain, _SIZE), len(seen.plain))
    places = [count >= least for count in counts]
    share = covered(places, size) / len(seen.plain)
    if not share:
        return Finding(0.0)
    most = max(range(len(counts)), key=lambda place: counts[place])
    passage = (" " if unit(seen.plain, 1) == 1 else "").join(seen.plain[most : most + size])
    return Finding(share, short(f"in {counts[most]} of {frequencies.rows} rows: {passage}"))


def _places(said: Sequence[str]) -> list[int]:
    size = unit(said, _SIZE)
    grams = ngrams(said, size)
    if not grams and len(said) >= unit(said, _LEAST_WORDS):
        grams = [tuple(said)]
    return [crc32(" ".join(gram).encode("utf-8", "replace")) % _PLACES for gram in grams]
