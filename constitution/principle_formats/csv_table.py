r"""Principles as a table, for spreadsheets: a row each, columns as the keys of a principles file, in any order.

A cell that begins with `=`, `+`, `-` or `@` would be run as a formula: it is written with `'` before it, and read
without (`spreadsheets.py`). Tags are separated by `;`, and `\;` is a semicolon in one.
"""

import csv
import io
from collections.abc import Iterator

from constitution.principle_formats.contents import Contents, Misfit, Written, counted
from constitution.principle_formats.drafts import Draft, finish, joined_tags
from constitution.principle_formats.source import Source
from constitution.principles import PrincipleSet
from constitution.spreadsheets import plain_cell, safe_cell

COLUMNS = ("id", "critique_request", "revision_request", "comparison", "weight", "tags")
TEXTS = COLUMNS[1:4]


def read(source: Source) -> Contents:
    """The principles of a table with a header; commas, semicolons or tabs between cells.

    Raises:
        Misfit: No column is one of ours, or a row is no principle.
    """
    header, *rows = _rows(source.text) or [(1, [])]
    names = [name.strip().lower() for name in header[1]]
    if not set(names) & set(TEXTS):
        raise Misfit(f"its first line has none of the columns {', '.join(TEXTS)}")
    twice = next((name for name in names if name in COLUMNS and names.count(name) > 1), None)
    if twice:
        raise Misfit(f"two columns {twice!r}")
    unknown = {name: 0 for name in names if name not in COLUMNS}
    drafts = []
    for line, cells in rows:
        if len(cells) > len(names):
            raise Misfit(f"line {line}: {len(cells)} cells, where the header has {len(names)}")
        said = {name: plain_cell(cell) for name, cell in zip(names, cells, strict=False) if cell.strip()}
        for name in said.keys() & unknown.keys():
            unknown[name] += 1
        drafts.append(Draft(line, {name: text for name, text in said.items() if name in COLUMNS}))
    if not drafts:
        raise Misfit("a header and no row")
    return Contents(
        shape="table",
        principles=finish(drafts),
        dropped=counted({f"column {name or '(no name)'}": count for name, count in unknown.items()}),
    )


def write(principles: PrincipleSet) -> Written:
    """The principles; all of them.

    Raises:
        Misfit: There is none.
    """
    if not principles.principles:
        raise Misfit("the file has no principles")
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for one in principles.principles:
        weight = f"{one.weight:g}" if float(f"{one.weight:g}") == one.weight else repr(one.weight)
        texts = [one.critique_request or "", one.revision_request or "", one.comparison or ""]
        table.writerow([safe_cell(cell) for cell in (one.id, *texts, weight, joined_tags(one.tags))])
    return Written(text=out.getvalue(), entries=len(principles.principles))


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Rows that say something, with the line on which they end; none if no header is found."""
    for delimiter in ",;\t":
        try:
            header = next(_parsed(text, delimiter), (1, []))[1]
        except Misfit:
            continue
        if {name.strip().lower() for name in header} & set(TEXTS):
            return [row for row in _parsed(text, delimiter) if any(cell.strip() for cell in row[1])]
    return []


def _parsed(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as bad:
        raise Misfit(f"line {table.line_num}: {bad}") from None
