"""Short texts as sets of character n-grams (shingles), and how alike two of them are.

Prompts have 5 to 30 words. Shingles of words, as they are used for documents, tell little of such texts: one word of
ten exchanged is three of eight shingles of three words, and two prompts that anyone takes for one are half alike. Of
four characters, the same edit is a seventh of the shingles; a typo is a fifteenth. They run across the ends of words,
so that the order of words counts, and in scripts without spaces two characters say as much as a short word.
"""

import re
import unicodedata
from collections.abc import Set

from constitution.words import UNSPACED

CHARACTERS = 4
CHARACTERS_UNSPACED = 2
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(UNSPACED.pattern[1:-1].removesuffix("+"))


def plain(text: str) -> str:
    """A text without what makes no difference: case, signs, white space, ways to write a letter.

    A text without a letter or digit is what it is, outer white space removed.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_WORD.findall(folded)) or text.strip()


def shingles(text: str) -> set[str]:
    """The n-grams of a text that is plain already; at least one, unless it is empty."""
    if not text:
        return set()
    last = max(1, len(text) - CHARACTERS + 1)
    if text.isascii() or not _UNSPACED.search(text):
        return {text[start : start + CHARACTERS] for start in range(last)}
    sizes = [CHARACTERS_UNSPACED if _UNSPACED.match(one) else CHARACTERS for one in text]
    # Of a shorter piece at the end nothing is said that the one before it does not say.
    return {text[start : start + size] for start, size in enumerate(sizes) if start + size <= len(text) or start == 0}


def jaccard(first: Set[str], second: Set[str]) -> float:
    """How alike two texts are: shingles that both have, of those that either has; 0 to 1."""
    shared = len(first & second)
    either = len(first) + len(second) - shared
    return shared / either if either else 1.0
