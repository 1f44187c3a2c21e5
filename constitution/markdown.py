"""Names and texts of others in Markdown, such that they stay text: no markup, no HTML, no line of their own."""

import re

from constitution.printable import printable

# What Markdown or HTML may read as more than itself, wherever it stands in a line; `_` is nothing between letters.
_MARKUP = re.compile(r"([\\`*\[\]<>|~$&#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def code(value: object) -> str:
    """A value as it is, set as code: in there, nothing is markup."""
    text = _one_line(value)
    fence = _longer(text, 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{space}{text}{space}{fence}"


def fenced(text: str) -> str:
    """A text of many lines as it is, but for what cannot be printed, as a block of code: nothing in it is markup."""
    shown = printable(text.replace("\r\n", "\n"))
    fence = _longer(shown, 3)
    return f"{fence}text\n{shown}\n{fence}"


def escaped(value: object) -> str:
    """A value as running text."""
    # An address would be made a link as it stands.
    return _MARKUP.sub(r"\\\1", _one_line(value)).replace("://", ":\\//")


def _longer(text: str, least: int) -> str:
    """A fence longer than any run of backticks in the text."""
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def _one_line(value: object) -> str:
    return " ".join(printable(str(value)).split())
