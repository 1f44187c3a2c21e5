"""Whether a text is English: the rules about wording know no other language."""

import re

# Frequent in English, and rare in the languages that share its letters.
COMMON = frozenset(
    {"the", "and", "that", "your", "you", "which", "with", "this", "or", "any", "not", "for", "from", "was", "were"}
    | {"are", "it", "does", "has", "says", "to", "of", "is", "would", "what", "how", "their", "they", "someone"}
    | {"whether", "response", "user", "reply", "so", "if", "as", "by", "on", "an", "be", "without", "something"}
)
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
# Share of common words: about 0.4 in English prose, below 0.1 in Dutch, German or French.
LEAST_COMMON = 0.2
# Shorter texts are taken to be in the language of their file.
LEAST_WORDS = 8
MOST_CHARACTERS = 20_000


def is_english(text: str, whole: str) -> bool:
    """Whether a text is English, by its most frequent words.

    Args:
        text: What is asked about.
        whole: Texts of the same file, which decide for a text of a few words.
    """
    words = _WORD.findall(text[:MOST_CHARACTERS].lower())
    if len(words) < LEAST_WORDS:
        if not text.isascii():
            return False
        words = _WORD.findall(whole[:MOST_CHARACTERS].lower())
    return bool(words) and sum(word in COMMON for word in words) / len(words) >= LEAST_COMMON
