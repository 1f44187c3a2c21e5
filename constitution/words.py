"""Which words of a text are new, next to an earlier one."""

import re
from difflib import SequenceMatcher

from constitution.records import Record

# Chinese and Japanese write no spaces between words: there, each character counts as one.
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"(\s*)([{_ALONE}]|[^\W{_ALONE}]+(?:['’][^\W{_ALONE}]+)*|[^\w\s])")


class Piece(Record):
    """A part of the later text, white space before it included."""

    text: str
    new: bool


class Change(Record):
    """What became of a text.

    Attributes:
        pieces: The later text, in order.
        words: How many words the later text has.
        new: How many of them the earlier one has not in that place.
        gone: How many words of the earlier text are no longer there.
    """

    pieces: tuple[Piece, ...]
    words: int
    new: int
    gone: int


def change(before: str, after: str) -> Change:
    """Compare two texts word by word; white space does not count, and a sign is new but no word."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    old_words, new_words = [word for _, word in old], [word for _, word in new]
    pieces: list[Piece] = []
    kept = 0
    for kind, _, _, start, end in SequenceMatcher(None, old_words, new_words, autojunk=False).get_opcodes():
        if kind == "equal":
            kept += sum(map(_is_word, new_words[start:end]))
        if start < end:
            text = "".join(space + word for space, word in new[start:end])
            pieces.append(Piece(text=text, new=kind != "equal"))
    words = sum(map(_is_word, new_words))
    return Change(pieces=tuple(pieces), words=words, new=words - kept, gone=sum(map(_is_word, old_words)) - kept)


def _is_word(token: str) -> bool:
    return token[0].isalnum()
