r"""A sample as CSV: for spreadsheets, which show it, and may run what is in it.

No text is run as a formula (`spreadsheets.py`). Characters that cannot be printed are replaced, as programs that show a
table do as they like with them: who wants the very texts takes JSONL.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constitution.printable import printable
from constitution.samples.items import Item
from constitution.spreadsheets import safe_cell


def table(items: Sequence[Item]) -> str:
    """A line an item, under a header; what is nested in it has columns of its own: `first.text`, `rounds.1.text`."""
    rows = [dict(_flat("", item)) for item in items]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([_cell(name) for name in columns])
    lines.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if name == "prompt":
        yield name, _conversation(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(f"{name}.{number}", inner)
    else:
        yield name, "; ".join(map(str, value)) if isinstance(value, list) else value


def _conversation(turns: Sequence[Mapping[str, str]]) -> str:
    """What is asked; roles are named only where there are several turns."""
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)


def _cell(value: object) -> object:
    return safe_cell(printable(value.replace("\r\n", "\n"))) if isinstance(value, str) else value
