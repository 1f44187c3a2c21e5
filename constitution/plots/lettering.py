"""How much room a text takes, and how it is made to fit: nothing tells that of fonts that a reader may have."""

import unicodedata
from collections.abc import Iterator

from constitution.printable import printable

# Height of the letters, in units of the picture; 13 of 440 are over 9 pixels on a telephone 360 wide.
SIZE = 13.0
# Widths in shares of the height, a little over those of DejaVu Sans, which is the widest in use.
NARROW = frozenset("iljtfI.,:;'|!()[]{}/\\-` ")
BROAD = frozenset("mwMW@%—…OQGDHNU&")
MOST = 200


def clean(text: str) -> str:
    """One line that XML can hold: what cannot be printed is shown as a replacement sign."""
    one_line = " ".join(printable(text).split())
    return "".join("�" if _no_character(character) else character for character in one_line)


def width(text: str) -> float:
    """About how wide a text is, rather too much than too little."""
    return SIZE * sum(map(_width, text))


def clip(text: str, room: float) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    if width(text) <= room and len(text) <= MOST:
        return text
    kept = text[:MOST]
    while kept and width(kept) + width("…") > room:
        kept = kept[:-1]
    return kept.rstrip(" -_/") + "…"


def wrap(text: str, room: float, lines: int = 2) -> tuple[str, ...]:
    """The text on so many lines at most, broken after spaces and hyphens; the last one is clipped."""
    done: list[str] = []
    rest = text[:MOST] + ("…" if len(text) > MOST else "")
    while len(done) < lines - 1 and width(rest) > room:
        fitting = [place for place in _breaks(rest) if width(rest[:place].rstrip()) <= room]
        if not fitting:
            break
        done.append(rest[: fitting[-1]].rstrip())
        rest = rest[fitting[-1] :]
    return (*done, clip(rest, room))


def _breaks(text: str) -> Iterator[int]:
    for place, character in enumerate(text[:-1], 1):
        # Between wide characters (Chinese, Japanese) lines may be broken anywhere.
        if character in " -_/.:" or unicodedata.east_asian_width(character) in "WF":
            yield place


def _width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if character in NARROW:
        return 0.4
    if character in BROAD or unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return 0.72 if character.isupper() else 0.64


def _no_character(character: str) -> bool:
    """Code points that XML 1.0 has no way to write."""
    return character in "\ufffe\uffff"
