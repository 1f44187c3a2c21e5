"""Where in a row the words stand that were looked for."""

import re
from collections.abc import Iterable, Sequence

from constitution.records import Record
from constitution.view.rows import Row
from constitution.view.searching import Term
from constitution.words import UNSPACED

# Characters on either side.
AROUND = 90


class Passage(Record):
    """The words, and what stands around them."""

    before: str
    words: str
    after: str


def passage(row: Row, terms: Sequence[Term]) -> Passage | None:
    """The first passage of a row with one of the terms, where they are spelt alike but for their case; else none.

    Args:
        row: Its prompt is not looked through: a list shows how it begins.
        terms: What was looked for.
    """
    patterns = [_pattern(term) for term in terms]
    for text in _texts(row):
        for pattern in patterns:
            if found := pattern.search(text):
                return _around(text, found.start(), found.end())
    return None


def _texts(row: Row) -> Iterable[str]:
    if row.transcript:
        yield from (completion.text for completion in row.transcript.completions)
    for comparison in row.comparisons:
        yield from (comparison.first.text, comparison.second.text)
    yield from (review.note for review in row.reviews)


def _pattern(term: Term) -> re.Pattern[str]:
    words = r"\W+".join(map(re.escape, re.findall(r"\w+", term.text)))
    # Where words have no spaces between them, they end nowhere.
    end = "" if term.star or UNSPACED.search(term.text) else r"(?!\w)"
    begin = "" if UNSPACED.search(term.text) else r"(?<!\w)"
    return re.compile(f"{begin}{words}{end}", re.IGNORECASE)


def _around(text: str, start: int, end: int) -> Passage:
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    before, after = text[first:start], text[end:last]
    if first:
        before = f"…{before.partition(' ')[2] or before}"
    if last < len(text):
        after = f"{after.rpartition(' ')[0] or after}…"
    return Passage(before=before, words=text[start:end], after=after)
