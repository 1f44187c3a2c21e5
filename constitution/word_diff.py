"""Two texts as one, word by word: what both have, what was removed, what was added."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from constitution.records import Record
from constitution.similarity import UNSPACED

# Longer texts are told as a whole: comparing them word by word would take long.
MOST_WORDS = 5000


class Piece(Record):
    """A run of words of a changed text, white space between them included."""

    kind: Literal["same", "removed", "added"]
    text: str


def words(text: str) -> list[str]:
    """A text cut into words and the white space between them; where words are not set apart, into characters."""
    found = []
    for part in UNSPACED.split(text):
        found += list(part) if UNSPACED.match(part) else re.findall(r"\s+|\w+(?:[.'’-]\w+)*|.", part)
    return found


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as one, word by word: what both have, what was removed, what was added."""
    old, new = words(before), words(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return (Piece(kind="removed", text=before), Piece(kind="added", text=after))
    made: list[Piece] = []
    for kind, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            made.append(Piece(kind="same", text="".join(old[start:end])))
            continue
        if end > start:
            made.append(Piece(kind="removed", text="".join(old[start:end])))
        if stop > begin:
            made.append(Piece(kind="added", text="".join(new[begin:stop])))
    return tuple(_joined(made))


def _joined(made: Sequence[Piece]) -> Iterator[Piece]:
    """As they are, but a single space between two changes counts to both, so that a changed phrase reads as one."""
    removed, added = "", ""
    for number, piece in enumerate(made):
        between = piece.kind == "same" and not piece.text.strip() and 0 < number < len(made) - 1
        if piece.kind == "removed" or between:
            removed += piece.text
        if piece.kind == "added" or between:
            added += piece.text
        if piece.kind == "same" and not between:
            yield from _told(removed, added)
            removed, added = "", ""
            yield piece
    yield from _told(removed, added)


def _told(removed: str, added: str) -> Iterator[Piece]:
    if removed:
        yield Piece(kind="removed", text=removed)
    if added:
        yield Piece(kind="added", text=added)
