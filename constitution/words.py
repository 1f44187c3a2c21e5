"""Words of texts in any language, and what becomes of them from one text to another."""

import re
import string
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from constitution.records import Record

# Runs of scripts that are written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
# Not by \w, which leaves out the vowel signs of many scripts; what stands within a word (1.5, can't) is part of it.
_SIGNS = re.escape("".join(set(string.punctuation) - {"_"}) + "“”„‘’«»…—–。，、；：？！（）《》【】「」『』")
_TOKEN = re.compile(rf"\s+|[^\s{_SIGNS}]+(?:[.'’-][^\s{_SIGNS}]+)*|.")
# Longer texts are told as a whole: comparing them word by word would take long.
MOST_WORDS = 5000


class Piece(Record):
    """A run of words of two texts, white space between them included."""

    kind: Literal["same", "removed", "added"]
    text: str


class Change(Record):
    """What became of a text.

    Attributes:
        pieces: Both texts as one; without what was removed, the later one.
        words: How many words the later text has, signs not counted.
        new: How many of them the earlier one has not in that place.
        gone: How many words of the earlier text are no longer there.
    """

    pieces: tuple[Piece, ...]
    words: int
    new: int
    gone: int


def words(text: str) -> list[str]:
    """The words and signs of a text; of scripts without spaces, the characters."""
    return [token for token in tokens(text) if not token.isspace()]


def change(before: str, after: str) -> Change:
    """Compare two texts, and count."""
    made = pieces(before, after)
    same, removed, added = (
        sum(_count(piece.text) for piece in made if piece.kind == kind) for kind in ("same", "removed", "added")
    )
    return Change(pieces=made, words=same + added, new=added, gone=removed)


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as one, word by word: what both have, what was removed, what was added."""
    old, new = tokens(before), tokens(after)
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


def tokens(text: str) -> list[str]:
    """The words, signs and white space of a text: together the text."""
    found: list[str] = []
    for part in UNSPACED.split(text):
        found += list(part) if UNSPACED.match(part) else _TOKEN.findall(part)
    return found


def same_text(first: str, second: str) -> bool:
    """Whether two responses are one text, white space around them aside: nobody is asked which one is better."""
    return first.strip() == second.strip()


def _count(text: str) -> int:
    return sum(token[0].isalnum() for token in tokens(text))


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
