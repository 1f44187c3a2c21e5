"""Prompts from files and datasets, one row at a time.

`scan` reads the whole input once, before any model call, so that a broken row at the end is found at the start;
`read` streams it again for the run. Neither holds the rows: only 64 bits of each id, to keep ids unique.
"""

import csv
import hashlib
import json
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonlines
from pydantic import JsonValue

from constitution.config import Settings
from constitution.conversations import is_transcript, parse_transcript, tidy
from constitution.digests import digest
from constitution.errors import SourceError
from constitution.files import DAMAGED, is_gzip, open_bytes, text_lines
from constitution.records import Message, Prompt, Role

# Columns that hold what a row asks, in the order in which they are looked for when --column is not given. `chosen`
# is where hh-rlhf keeps its conversations; its last answer is dropped like every trailing assistant turn.
PROMPT_COLUMNS = ("messages", "prompt", "chosen")
# Columns that hold answers, never kept as metadata.
ANSWER_COLUMNS = ("rejected", "completion")
ROLES: dict[str, Role] = {role: role for role in ("system", "user", "assistant")}

# Rows of a Parquet file that are held at once.
PARQUET_ROWS = 1024

Row = dict[str, Any]
KINDS: dict[type, str] = {dict: "an object", int: "a number", float: "a number", bool: "true or false", list: "a list"}


@dataclass(frozen=True)
class Scan:
    """What one pass over the input found.

    Attributes:
        rows: How many rows the run has, empty ones included.
        digest: Hash of every row's id, messages and metadata, in order.
    """

    rows: int
    digest: str


def scan(settings: Settings) -> Scan:
    """Read every row once and check it.

    Raises:
        SourceError: The first fault, with file, line or row, and rule; also when there is no row at all.
    """
    total = hashlib.blake2b(digest_size=8)
    rows = 0
    for prompt in read(settings):
        total.update(digest(prompt.model_dump(exclude={"index"})).encode())
        rows += 1
    if not rows:
        skipped = f" after the first {settings.skip}" if settings.skip else ""
        raise SourceError(f"{settings.prompts}: no rows{skipped}", "Give a file with at least one prompt.")
    return Scan(rows, total.hexdigest())


def read(settings: Settings) -> Iterator[Prompt]:
    """The prompts, in order, `skip` and `limit` applied.

    A row's id is the input's own, else a hash of its content; the second row with the same content gets `-2`, and
    so on. Ids do not depend on `skip`: skipped rows are read too.

    Raises:
        SourceError: At the first row that cannot be read.
    """
    seen: set[int] = set()
    repeats: Counter[str] = Counter()
    end = math.inf if settings.limit is None else settings.skip + settings.limit
    for index, (where, row) in enumerate(_rows(settings)):
        if index >= end:
            return
        columns = settings.column or _prompt_column(row, where)
        messages = _messages(row, columns, where)
        given = row.get(settings.id_column)
        id = "" if given is None else str(given).strip()
        if not id:
            id = digest([message.model_dump() for message in messages])
            content = id
            while _key(id) in seen:
                repeats[content] += 1
                id = f"{content}-{repeats[content] + 1}"
        elif _broken(id):
            raise SourceError(f"{where}: the id holds half of a surrogate pair, which no UTF-8 file can hold")
        elif _key(id) in seen:
            raise SourceError(
                f"{where}: the id {id!r} belongs to an earlier row",
                "Make ids unique, or name another column with --id-column (none that exists: ids from content).",
            )
        seen.add(_key(id))
        if index >= settings.skip:
            yield Prompt(id=id, index=index, messages=messages, metadata=_metadata(row, (*columns, settings.id_column)))


def _key(id: str) -> int:
    return int(digest(id), 16)


def _rows(settings: Settings) -> Iterator[tuple[str, Row]]:
    """Every row of the input with its place, e.g. `my.jsonl:12`."""
    name = settings.prompts
    path = Path(name).expanduser()
    suffix = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
    if path.is_dir():
        return _dataset(settings, path)
    if not path.exists() and suffix not in READERS:
        return _dataset(settings, None)
    if suffix not in READERS:
        raise SourceError(
            f"{path}: no reader for {suffix or 'a file with no ending'}; known: {', '.join(READERS)}, each also .gz",
            f"A JSON array becomes JSONL with: jq -c '.[]' {path.name} > prompts.jsonl" if suffix == ".json" else "",
        )
    return READERS[suffix](path)


def _jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        for number, line in enumerate(text_lines(path), 1):  # noqa: B007 (read below, as the reader goes)
            yield line

    try:
        for row in jsonlines.Reader(lines()).iter(type=dict, skip_empty=True):
            yield f"{path}:{number}", row
    except jsonlines.InvalidLineError as bad:
        cause = bad.__cause__
        reason = f"{cause.msg} at column {cause.colno}" if isinstance(cause, json.JSONDecodeError) else "another value"
        raise SourceError(f"{path}:{number}: not a JSON object: {reason}", "Each line is one object.") from None
    except RecursionError:
        raise SourceError(f"{path}:{number}: not a JSON object that can be read: nested too deeply") from None


def _table(path: Path) -> Iterator[tuple[str, Row]]:
    # The csv module refuses cells over 128 KiB unless told otherwise; prompts with documents in them are longer.
    csv.field_size_limit(2**31 - 1)
    tabbed = path.name.lower().removesuffix(".gz").endswith(".tsv")
    reader = csv.DictReader(text_lines(path), dialect="excel-tab" if tabbed else "excel", strict=True)
    try:
        header = Counter(reader.fieldnames or [])
        if twice := [name for name, times in header.items() if times > 1]:
            raise SourceError(f"{path}:1: two columns are called {twice[0]!r}", "Give each column a name of its own.")
        for row in reader:
            if None in row or None in row.values():
                raise SourceError(f"{path}:{reader.line_num}: the row does not have the header's {len(header)} cells")
            yield f"{path}:{reader.line_num}", row
    except csv.Error as bad:
        # The outer reader's own count lags behind the line that broke.
        raise SourceError(f"{path}:{reader.reader.line_num}: {bad}") from None


def _text(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text_lines(path), 1):
        yield f"{path}:{number}", {"prompt": line.rstrip("\r\n")}


def _parquet(path: Path) -> Iterator[tuple[str, Row]]:
    # Parquet's own reader comes with datasets, which is built on it.
    from pyarrow.parquet import ParquetFile

    with tempfile.TemporaryDirectory() as folder:
        if is_gzip(path):
            # Parquet is read from its end, which a gzip stream cannot do.
            plain = Path(folder) / "rows.parquet"
            try:
                with open_bytes(path) as packed, plain.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            except DAMAGED as bad:
                raise SourceError(f"{path}: broken: {bad}") from None
        else:
            plain = path
        try:
            rows = ParquetFile(plain)
            number = 0
            for batch in rows.iter_batches(batch_size=PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", row
        except (OSError, ValueError) as bad:
            raise SourceError(f"{path}: not a Parquet file: {_first_line(bad)}") from None


def _dataset(settings: Settings, folder: Path | None) -> Iterator[tuple[str, Row]]:
    """A Hugging Face dataset, by Hub name or from a folder; memory-mapped, so not held."""
    import datasets

    datasets.disable_progress_bars()
    try:
        if folder and any((folder / name).exists() for name in ("state.json", "dataset_dict.json")):
            loaded = datasets.load_from_disk(str(folder))
            if isinstance(loaded, datasets.DatasetDict):
                if settings.split not in loaded:
                    raise ValueError(f"Unknown split {settings.split!r}; it has {', '.join(loaded)}")
                loaded = loaded[settings.split]
        else:
            loaded = datasets.load_dataset(str(folder or settings.prompts), settings.subset, split=settings.split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as bad:
        # What broke in a file of the folder is the cause of what `datasets` says.
        reason = _first_line(bad.__cause__ or bad)
        if folder:
            raise SourceError(
                f"{folder}: cannot be read as a dataset: {reason}", "Check --split and --subset."
            ) from None
        raise SourceError(
            f"{settings.prompts}: no such file, and no dataset: {reason}",
            "Give a file that exists, a dataset folder, or a Hub dataset such as owner/name (needs the network).",
        ) from None
    for number, row in enumerate(loaded, 1):
        yield f"{settings.prompts}: row {number}", row


READERS = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _table,
    ".tsv": _table,
    ".txt": _text,
    ".parquet": _parquet,
}


def _prompt_column(row: Row, where: str) -> tuple[str]:
    for column in PROMPT_COLUMNS:
        if column in row:
            return (column,)
    raise SourceError(
        f"{where}: no column called messages, prompt or chosen; there are: {', '.join(map(str, row)) or 'none'}",
        "Say which one holds the prompt: --column NAME",
    )


def _messages(row: Row, columns: tuple[str, ...], where: str) -> tuple[Message, ...]:
    """The conversation in the named columns; empty if they hold nothing."""
    missing = [column for column in columns if column not in row]
    if missing:
        raise SourceError(
            f"{where}: no column {missing[0]!r}; there are: {', '.join(map(str, row)) or 'none'}",
            "Say which one holds the prompt: --column NAME",
        )
    values = [row[column] for column in columns if row[column] not in (None, "")]
    if not values:
        return ()
    if len(values) == 1 and isinstance(values[0], list):
        turns = [_turn(turn, f"{where}: {columns[0]}[{n}]") for n, turn in enumerate(values[0])]
    elif all(isinstance(value, str) for value in values):
        text = "\n\n".join(values)
        turns = parse_transcript(text) if is_transcript(text) else [Message(role="user", content=text)]
    elif len(values) > 1:
        raise SourceError(f"{where}: only columns of text can be joined, and {' + '.join(columns)} are not all text")
    else:
        kind = KINDS.get(type(values[0]), "something else")
        raise SourceError(f"{where}: the prompt in {columns[0]!r} is {kind}; it must be text or a list of messages")
    for turn in turns:
        if _broken(turn.content):
            raise SourceError(f"{where}: half of a surrogate pair, which no UTF-8 file can hold")
    return tidy(turns)


def _turn(turn: Any, where: str) -> Message:
    role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
    if role not in ROLES or not isinstance(content, str):
        raise SourceError(
            f"{where}: not a message",
            'A message is {"role": "system" | "user" | "assistant", "content": "text"}.',
        )
    return Message(role=ROLES[role], content=content)


def _metadata(row: Row, used: tuple[str, ...]) -> dict[str, JsonValue]:
    left_out = {*used, *PROMPT_COLUMNS, *ANSWER_COLUMNS}
    return {
        str(name): value
        for name, value in row.items()
        if name not in left_out
        and isinstance(value, str | int | float | bool)
        and not (isinstance(value, float) and not math.isfinite(value))
        and not _broken(f"{name}{value}")
    }


def _broken(text: str) -> bool:
    """Whether the text holds half of a surrogate pair: JSON can spell one, UTF-8 cannot."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
