"""The same words in answers to different prompts: what a model says whatever it is asked."""

from array import array
from collections.abc import Iterable, Sequence
from zlib import crc32

from constitution.gates.seen import Finding, Seen, covered, ngrams, plain, short, unit
from constitution.lint.languages import COMMON

# Words of a run that two responses have in common by no accident.
_SIZE = 8
# Of shorter responses the whole is one run; of less than that, nothing is said.
_LEAST_WORDS = 4
# A run is boilerplate that stands in this share of the rows, and in so many at least.
SHARE = 0.05
LEAST_ROWS = 5
# Places for counts: 24 MB, whatever the run's length. Runs that share a place add up: with responses of 200 words that
# makes a run seem to stand in 10 rows of 100,000 more than it does, where 5,000 are asked for.
_PLACES = 1 << 21
# Of a prompt's words, those that tell what it is about have so many letters, and are not among the most frequent.
_LEAST_LETTERS = 4
_BITS = 64


class Frequencies:
    """In how many rows each run of 8 words stands, by its hash; memory is bounded.

    A row counts if its prompt has little to do with that of the last row that counted: who asks the same twice gets the
    same words twice, and that is no boilerplate.

    Attributes:
        rows: How many were looked at.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._counts: array[int] = array("I")
        # What the prompt was about by which a run was counted last.
        self._about: array[int] = array("Q")

    def see(self, prompt: str, texts: Iterable[str]) -> None:
        """Take note of a row: its prompt's last turn, and its responses. A run in several of them counts once."""
        if not self._counts:
            self._counts, self._about = array("I", bytes(4 * _PLACES)), array("Q", bytes(8 * _PLACES))
        self.rows += 1
        about = _about(plain(prompt))
        for place in {place for text in texts for place in _places(plain(text))}:
            if not _alike(about, self._about[place]):
                self._counts[place] += 1
                self._about[place] = about

    def of(self, said: Sequence[str]) -> list[int]:
        """In how many rows each run of a response stands, in order."""
        return [self._counts[place] for place in _places(said)] if self._counts else []


def boilerplate(seen: Seen, frequencies: Frequencies) -> Finding | None:
    """The share of the response's words in runs of 8 that one in twenty rows has, and at least 5 rows.

    Of scripts without spaces, runs have 16 characters; a response of 4 to 8 words is one run. None in a run of less
    than 5 rows. Rows whose prompts are alike count once, as far as they follow each other among the rows that have it.
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


def _about(asked: Sequence[str]) -> int:
    """What a prompt is about: a bit for each of its words that tell it, or of its pairs of characters."""
    if unit(asked, 1) == 2:
        told = ["".join(pair) for pair in ngrams(asked, 2)]
    else:
        told = [word for word in asked if len(word) >= _LEAST_LETTERS and word not in COMMON]
    bits = 0
    for word in told:
        bits |= 1 << crc32(word.encode("utf-8", "replace")) % _BITS
    return bits


def _alike(one: int, other: int) -> bool:
    """Whether more than half of what one of two prompts is about is in the other."""
    fewer = min(one.bit_count(), other.bit_count())
    return fewer > 0 and 2 * (one & other).bit_count() > fewer
