"""Rows of prompt files with the text that they are compared by."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from constitution.config import Settings
from constitution.errors import SourceError
from constitution.input_files import File
from constitution.readers import Row, files_of, rows_of
from constitution.remote.addresses import masked
from constitution.sources import messages_of, plain_columns, prompt_column

On = Literal["prompt", "row"]
# Where rows of exports keep what is no text of the conversation.
ASIDE = frozenset({"metadata", "role", "from", "id", "tools"})


@dataclass(frozen=True)
class Reading:
    """How rows are read.

    Attributes:
        columns: Those that hold the text; none: as `generate` picks them (`sources.PROMPT_COLUMNS`).
        on: `prompt`: what the row asks, the last answer left out. `row`: all that its columns say, answers too.
        id_column: Of the row's own id.
        split: Of a dataset.
        subset: Likewise.
    """

    columns: tuple[str, ...] = ()
    on: On = "prompt"
    id_column: str = "id"
    split: str = "train"
    subset: str | None = None

    def settings(self, file: str) -> Settings:
        """As the readers are told."""
        return Settings(
            prompts=file, out="-", column=self.columns, id_column=self.id_column, split=self.split, subset=self.subset
        )


@dataclass(frozen=True)
class Item:
    """One row.

    Attributes:
        where: Its place, e.g. `my.jsonl:12`.
        id: Its own; None if it has none.
        text: What it is compared by; empty if it says nothing.
        row: All its columns.
    """

    where: str
    id: str | None
    text: str
    row: Row


def items(files: Sequence[str], reading: Reading) -> Iterator[Item]:
    """The rows of several inputs, one input after the other.

    Raises:
        SourceError: At the first row that cannot be read, or at the end, if there was none.
    """
    where = ""
    for file in files:
        for where, row in rows_of(reading.settings(file)):
            given = row.get(reading.id_column)
            yield Item(where, None if given is None else str(given), text_of(row, reading, where), row)
    if not where:
        raise SourceError(f"{', '.join(map(masked, files))}: no rows", "Give a file with at least one row.")


def text_of(row: Row, reading: Reading, where: str) -> str:
    """What a row is compared by. A system prompt is no part of it: a file's rows share one.

    Raises:
        SourceError: It lacks the columns, or they hold something else.
    """
    if reading.on == "row":
        missing = [name for name in reading.columns if name not in row]
        if missing:
            raise SourceError(
                f"{where}: no column {missing[0]!r}; there are: {', '.join(map(str, row)) or 'none'}",
                "Say which ones are compared: --column NAME",
            )
        named = reading.columns or tuple(name for name in row if name not in {*ASIDE, reading.id_column})
        return "\n".join(text for name in named for text in _texts(row[name]))
    messages = messages_of(row, reading.columns or prompt_column(row, where), where)
    return "\n".join(message.content for message in messages if message.role != "system")


def metadata_of(row: Row, reading: Reading) -> dict[str, JsonValue]:
    """A row's other columns of plain values."""
    return plain_columns(row, (*reading.columns, reading.id_column))


def parts_of(file: str, reading: Reading) -> list[File]:
    """The files that hold an input's rows; none if it is a dataset."""
    settings = reading.settings(file)
    if shards := files_of(settings):
        return shards
    path = Path(file).expanduser()
    return [path] if path.is_file() else []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict) and "system" not in (value.get("role"), value.get("from")):
        for name, one in value.items():
            if name not in ASIDE:
                yield from _texts(one)


def plain_value(value: object) -> str | None:
    """A column's value as it is counted; None of what is no plain value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, str | int | float) else None
