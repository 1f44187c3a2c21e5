"""Prompts from files and datasets, one row at a time.

`scan` reads the whole input once, before any model call, so that a broken row at the end is found at the start;
`read` streams it again for the run. Neither holds the rows: only 64 bits of each id, to keep ids unique.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from constitution import __version__
from constitution.config import Settings
from constitution.conversations import is_transcript, parse_transcript, tidy
from constitution.digests import digest
from constitution.errors import SourceError
from constitution.fingerprints import Fingerprints, fingerprint
from constitution.journal import MOST_ROWS
from constitution.readers import Row, files_of, rows_of
from constitution.records import Message, Prompt, Role
from constitution.remote.addresses import masked

# Columns that hold what a row asks, in the order in which they are looked for when --column is not given. `chosen`
# is where hh-rlhf keeps its conversations; its last answer is dropped like every trailing assistant turn.
PROMPT_COLUMNS = ("messages", "prompt", "chosen")
# Columns that hold answers, never kept as metadata.
ANSWER_COLUMNS = ("rejected", "completion")
ROLES: dict[str, Role] = {role: role for role in ("system", "user", "assistant")}

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
        total.update(prompt.model_dump_json(exclude={"index"}).encode())
        # No JSON holds it: where a row ends is part of what is hashed.
        total.update(b"\n")
        rows += 1
    if not rows:
        raise no_rows(settings)
    return Scan(rows, total.hexdigest())


def no_rows(settings: Settings) -> SourceError:
    """The error of an input that holds nothing."""
    skipped = f" after the first {settings.skip}" if settings.skip else ""
    return SourceError(f"{masked(settings.prompts)}: no rows{skipped}", "Give a file with at least one prompt.")


def source_digest(settings: Settings) -> str:
    """Hash of the bytes of the input's files, and of what decides how they are read; empty if they are none, or remote.

    A hundred times as fast as reading the rows: an input that has not changed need not be checked again.
    """
    path = Path(settings.prompts).expanduser()
    files = [path] if path.is_file() else files_of(settings)
    local = [file for file in files if isinstance(file, Path)]
    if not local or len(local) < len(files):
        return ""
    contents = []
    try:
        for path in local:
            with path.open("rb") as file:
                contents += [hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()]
                contents += path.suffixes
    except OSError:
        # Who reads the rows tells why.
        return ""
    return digest([*contents, __version__])


def read(settings: Settings, rows: int = 0, owed: Callable[[int], bool] = lambda index: True) -> Iterator[Prompt]:
    """The prompts, in order, `skip` and `limit` applied.

    A row's id is the input's own, else a hash of its content; the second row with the same content gets `-2`, and
    so on. Ids do not depend on `skip`: skipped rows are read too.

    Args:
        settings: Name the input.
        rows: How many there are, if that is known.
        owed: Whether the row at this position is wanted; the others are passed over quickly.

    Raises:
        SourceError: At the first row that cannot be read.
    """
    seen = Fingerprints(rows)
    repeats: Counter[str] = Counter()
    end = math.inf if settings.limit is None else settings.skip + settings.limit
    for index, (where, row) in enumerate(rows_of(settings)):
        if index >= end:
            return
        if index == MOST_ROWS:
            raise SourceError(f"{where}: more than {MOST_ROWS:,} rows", "Split the input, or say --limit.")
        wanted = index >= settings.skip and owed(index)
        given = row.get(settings.id_column)
        id = "" if given is None else str(given).strip()
        if wanted or not id:
            columns = settings.column or prompt_column(row, where)
            messages = messages_of(row, columns, where)
        if not id:
            id = digest([message.model_dump() for message in messages])
            content = id
            while not seen.add(fingerprint(id)):
                repeats[content] += 1
                id = f"{content}-{repeats[content] + 1}"
        elif _broken(id):
            raise SourceError(f"{where}: the id holds half of a surrogate pair, which no UTF-8 file can hold")
        elif not seen.add(fingerprint(id)):
            raise SourceError(
                f"{where}: the id {id!r} belongs to an earlier row",
                "Make ids unique; or have them made from the content, by a name that no column has: --id-column none",
            )
        if wanted:
            yield Prompt(
                id=id, index=index, messages=messages, metadata=plain_columns(row, (*columns, settings.id_column))
            )


def prompt_column(row: Row, where: str) -> tuple[str]:
    """The first of `PROMPT_COLUMNS` that a row has.

    Raises:
        SourceError: It has none of them.
    """
    for column in PROMPT_COLUMNS:
        if column in row:
            return (column,)
    raise SourceError(
        f"{where}: no column called messages, prompt or chosen; there are: {', '.join(map(str, row)) or 'none'}",
        "Say which one holds the prompt: --column NAME",
    )


def messages_of(row: Row, columns: tuple[str, ...], where: str) -> tuple[Message, ...]:
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
    if not isinstance(role, str) or role not in ROLES or not isinstance(content, str):
        raise SourceError(
            f"{where}: not a message",
            'A message is {"role": "system" | "user" | "assistant", "content": "text"}.',
        )
    return Message(role=ROLES[role], content=content)


def plain_columns(row: Row, used: tuple[str, ...]) -> dict[str, JsonValue]:
    """A row's columns of plain values, except those that were used and those that hold prompts or answers."""
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
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
