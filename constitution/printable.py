"""Text from rows, models and files, made safe to show: it steers no terminal, and stays in its line."""

import json
import re
import unicodedata
from typing import Any

# Control characters, and halves of surrogate pairs (bytes of file names that are no text), which cannot be printed.
UNPRINTABLE = frozenset({"Cc", "Cs"})
# Marks that turn the direction of text around, and with it what a reader believes to see.
DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text with all that is no plain character, but line feeds and tabs, shown as a replacement sign."""
    return "".join(
        character
        if character in "\n\t" or (unicodedata.category(character) not in UNPRINTABLE and character not in DIRECTION)
        else "�"
        for character in text
    )


def ascii_json(text: str) -> str:
    r"""JSON text with all that is not printable ASCII spelt out (`\u009b`): the same JSON, safe on a terminal."""
    return re.sub(r"[^\n -~]", lambda found: "\\u007f" if found[0] == "\x7f" else json.dumps(found[0])[1:-1], text)


def on_one_line(row: dict[str, Any]) -> str:
    """JSON that no reader takes for two lines: some hold these signs for the end of one (`str.splitlines`)."""
    return json.dumps(row, ensure_ascii=False).translate({0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"})
