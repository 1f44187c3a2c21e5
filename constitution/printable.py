"""Text from rows, models and files, made safe to show: it must not steer the terminal that shows it."""

import unicodedata

# Marks that turn the direction of text around, and with it what a reader believes to see.
DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text with control and direction characters, but line feeds and tabs, shown as a replacement sign."""
    return "".join(
        character
        if character in "\n\t" or (unicodedata.category(character) != "Cc" and character not in DIRECTION)
        else "�"
        for character in text
    )
