"""The same words over and over, as small models fall into."""

import re
from collections import Counter

from constitution.gates.seen import Finding, Seen, ngrams, short, unit

_SIZE = 4
# Words that a passage said several times in a row must fill before it counts: "no, no, no" is no loop.
_LEAST_RUN = 12
_LEAST_TIMES = 3
# One word, or one sign, drawn out without end; lines of these signs divide a page.
_DRAWN_OUT = re.compile(r"([^\W\d]{1,8}?)\1{11,}|([^\w\s=\-_*.#~|+/\\])\2{19,}")
_DIGITS = re.compile(r"\d+")


def repetition(seen: Seen) -> Finding | None:
    """How much of the response repeats itself, from 0 to 1.

    The share of its runs of 4 words that were there before (rep-4: Welleck et al. 2020, arXiv 1908.04319); or, if a
    passage stands three times or more in a row, 1 − 1 / times, whichever is more. Numbers are not looked at, so that
    the numbers of a list do not hide that its items are one. Of scripts without spaces, runs have 8 characters.
    """
    if found := _DRAWN_OUT.search(seen.text):
        return Finding(1.0, short(found[0]))
    said = [word for word in seen.plain if not _DIGITS.fullmatch(word)]
    size = unit(said, _SIZE)
    grams = ngrams(said, size)
    if not grams:
        return Finding(0.0)
    counts = Counter(grams)
    share = 1 - len(counts) / len(grams)
    if not share:
        return Finding(0.0)
    most, times = counts.most_common(1)[0]
    told = Finding(share, short(f"{times} times: {(' ' if size == _SIZE else '').join(most)}"))
    return max(told, _in_a_row(said, grams, size))


def _in_a_row(said: list[str], grams: list[tuple[str, ...]], size: int) -> Finding:
    """The passage that stands most often in a row.

    A run of n-grams that each stood there `distance` words before is a passage of that length, said again.
    """
    last: dict[tuple[str, ...], int] = {}
    distance = length = 0
    most, begin, passage = 0.0, 0, 0
    least = unit(said, _LEAST_RUN)
    for place, gram in enumerate(grams):
        now = place - last[gram] if gram in last else 0
        last[gram] = place
        length = length + 1 if now and now == distance else bool(now)
        distance = now
        words = distance + length + size - 1
        times = words / distance if distance else 0
        if words >= least and times > most:
            most, begin, passage = times, place + size - words, distance
    if most < _LEAST_TIMES:
        return Finding(0.0)
    told = (" " if size == _SIZE else "").join(said[begin : begin + passage])
    return Finding(1 - 1 / most, short(f"{int(most)} times in a row: {told}"))
