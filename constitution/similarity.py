"""How alike short texts are: without a model, in any language, in milliseconds.

A text is its n-grams of characters, each weighed by how rare it is among the texts that are compared, so that what they
all say ("Rewrite your last response so that …") counts for little; alike is the cosine of two such vectors (tf-idf,
Salton and Buckley 1988). N-grams and not words: languages that write no spaces work too, and "harmful" is near to
"harm". What they cannot see is a paraphrase that shares no word.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.words import UNSPACED

_WORD = re.compile(r"\w+")
_LETTERS = 4
# Of scripts that are written without spaces, two characters say as much as a short word.
_LETTERS_UNSPACED = 2
# What is compared: more texts than any file has, and more characters than any principle.
MOST_TEXTS = 2000
MOST_CHARACTERS = 10_000
# Columns at most; with more n-grams some share one, which makes unlike texts a little more alike.
_WIDTH = 8192


def similarities(texts: Sequence[str]) -> NDArray[np.float32]:
    """How alike each of the texts is to each of the others.

    Args:
        texts: Rarity is counted among these: add what else a file says to compare two of its texts. Of each,
            `MOST_CHARACTERS` count.

    Returns:
        A row and a column for each of the first `MOST_TEXTS`, of 0 (nothing in common) to 1 (the same n-grams). A text
        without a letter is like none, itself included.
    """
    counted = [Counter(grams(text)) for text in texts[:MOST_TEXTS]]
    holders = Counter(gram for counts in counted for gram in counts)
    columns = {gram: number % _WIDTH for number, gram in enumerate(holders)}
    matrix = np.zeros((len(counted), min(len(holders), _WIDTH)), np.float32)
    for row, counts in enumerate(counted):
        for gram, count in counts.items():
            # The logarithm of counts, as one word said five times is no five words.
            matrix[row, columns[gram]] += (1 + math.log(count)) * math.log(1 + len(counted) / holders[gram])
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1)
    # Rounding may leave a text a little more than itself.
    alike: NDArray[np.float32] = np.clip(matrix @ matrix.T, 0, 1)
    return alike


def grams(text: str) -> list[str]:
    """The n-grams of a text: four characters of words with their ends, two where words are not set apart."""
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    found = []
    for word in _WORD.findall(UNSPACED.sub(r" \1 ", plain)):
        size = _LETTERS_UNSPACED if UNSPACED.match(word) else _LETTERS
        padded = word if UNSPACED.match(word) else f" {word} "
        found += [padded[start : start + size] for start in range(max(1, len(padded) - size + 1))]
    return found
