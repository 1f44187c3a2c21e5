r"""Cells of a table that is opened in a spreadsheet: none is run as a formula.

A text that begins with `=`, `+`, `-` or `@`, of usual or full width, or with white space that some programs pass over
before these, is written with `'` before it: spreadsheets show it as text. One that begins with `'` and such a sign gets
another `'`, so that what was written can be read back as it was.
"""

import re

_RISKY = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def safe_cell(text: str) -> str:
    """A text as it is written into a cell."""
    return f"'{text}" if _RISKY.match(text) else text


def plain_cell(cell: str) -> str:
    """The text of a cell, as it was before `safe_cell`."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell
