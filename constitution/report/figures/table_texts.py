"""Tables as CSV and LaTeX."""

import csv
import io
import re
from collections.abc import Sequence

from constitution.intervals import Estimate
from constitution.plots import Cell, Table
from constitution.plots.lettering import clean
from constitution.spreadsheets import safe_cell

# Longer texts are broken into lines in LaTeX, and the longest are cut: the CSV file has them whole.
BROKEN = 40
LONGEST = 200

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    # After the end of a row LaTeX takes either for an argument; two hyphens, for a dash.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "-": "{-}",
    ",": "{,}",
    "…": r"\ldots{}",
    "−": r"\textminus{}",
}


def csv_text(table: Table) -> str:
    """A table as RFC 4180 has it: UTF-8, commas, lines that end in CR LF, a first line of heads.

    An estimate takes four columns, the last three named `… low`, `… high` and `… n`. Numbers have twelve digits. No
    text is run as a formula (`spreadsheets.py`), as texts come from principle files, reviewers and models too; numbers
    stay numbers.
    """
    estimated = _estimated(table)
    heads = [
        head
        for column, many in zip(table.columns, estimated, strict=True)
        for head in ([column, f"{column} low", f"{column} high", f"{column} n"] if many else [column])
    ]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(heads)
    for row in table.rows:
        writer.writerow([cell for one, many in zip(row, estimated, strict=True) for cell in _csv_cells(one, many)])
    return written.getvalue()


def latex_text(table: Table) -> str:
    """A table as LaTeX: a `tabular` with the rules of booktabs, to be put into a `table` with `input`.

    Every character that means something to LaTeX is spelt out; others, such as Chinese ones, are left as they are, and
    take LuaLaTeX or XeLaTeX and a font that has them. Numbers are rounded; an estimate is `value [low, high]`.
    """
    numeric = [all(not isinstance(row[place], str) for row in table.rows) for place in range(len(table.columns))]
    longest = [
        max((len(row[place]) for row in table.rows if isinstance(row[place], str)), default=0)  # type: ignore[arg-type]
        for place in range(len(table.columns))
    ]
    columns = "".join(
        "r" if number else (r"p{0.4\linewidth}" if long > BROKEN else "l")
        for number, long in zip(numeric, longest, strict=True)
    )
    lines = [
        f"% {clean(table.title)}. Estimates: value [low, high], the ends of the 95% interval; n is in the CSV file.",
        r"% In the preamble: \usepackage{booktabs}, \usepackage{textcomp}, \usepackage[T1]{fontenc} (pdfLaTeX only).",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_row(table.columns),
        r"\midrule",
        *(_latex_row(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def latex(text: str) -> str:
    """A text that LaTeX sets as it is, in one line."""
    shown = clean(text)
    cut = shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"
    return "".join(_SPECIAL.get(character, character) for character in cut)


def _latex_row(cells: Sequence[Cell]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return latex(cell)
    if isinstance(cell, Estimate):
        return f"{_rounded(cell.value)} {{[{_rounded(cell.low)}, {_rounded(cell.high)}]}}"
    return "" if cell is None else _rounded(cell)


def _rounded(number: int | float) -> str:
    if isinstance(number, int):
        return f"{number}" if number >= 0 else f"$-${-number}"
    written = f"{number:.3f}" if abs(number) < 10 else f"{number:.1f}"
    return re.sub("^-", "$-$", written)


def _csv_cells(cell: Cell, many: bool) -> list[str | int | float | None]:
    if isinstance(cell, Estimate):
        return [*map(_written, (cell.value, cell.low, cell.high)), cell.n]
    one = safe_cell(cell) if isinstance(cell, str) else _written(cell) if isinstance(cell, float) else cell
    return [one, None, None, None] if many else [one]


def _written(number: float) -> float:
    """Without the last digits, which are those of sums of binary fractions (0.30000000000000004)."""
    return float(f"{number:.12g}")


def _estimated(table: Table) -> list[bool]:
    return [any(isinstance(row[place], Estimate) for row in table.rows) for place in range(len(table.columns))]
