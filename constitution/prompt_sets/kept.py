"""Write the rows of a set that are kept: their lines as they are, byte for byte, where the format has lines."""

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from constitution.durable import aside_of, sync
from constitution.errors import ExportError, SourceError, first_line
from constitution.files import MOST_LINE, open_bytes, text_lines
from constitution.input_files import ALIKE, ENDINGS, File, ending
from constitution.outside import owner
from constitution.printable import on_one_line
from constitution.prompt_sets.reading import Reading, parts_of
from constitution.readers import rows_of
from constitution.remote.addresses import masked

if TYPE_CHECKING:
    from pyarrow import Schema

BOM = b"\xef\xbb\xbf"
TABLES = (".csv", ".tsv")
# What a row's own lines are, by its number: the place in its file that `readers.py` tells.
Where = Callable[[int], str]
Kept = Callable[[int], bool]


def check_output(
    files: Sequence[str], to: Path, reading: Reading, overwrite: bool, against: Sequence[str] = ()
) -> None:
    """Refuse what cannot be written before anything is read.

    Args:
        files: Whose rows are written.
        to: Where; and `dropped_file(to)`.
        reading: How `files` are read.
        overwrite: Whether files that are there may be replaced; those that are read never may.
        against: Inputs that are read too, as they are by default.

    Raises:
        ExportError: It is there, is no file, is read itself, lies in a run, or its format fits neither the rows nor
            JSONL.
        SourceError: No file fits an input's name, one is named twice, or the files of a table have other columns.
    """
    elsewhere = "Name another file with --to."
    if other := owner(to):
        raise ExportError(f"{to}: in the folder of a run, {other}", elsewhere)
    if to.is_dir():
        raise ExportError(f"{to}: a folder, not a file", elsewhere)
    if not to.parent.is_dir():
        raise ExportError(f"{to}: there is no folder {to.parent}", f"Make it first: mkdir -p {to.parent}")
    inputs = _each_once(files, reading)
    _check_apart([*inputs.items(), *((file, parts_of(file, Reading())) for file in against)], to)
    for path in (to, dropped_file(to)):
        if path.exists() and not overwrite:
            raise ExportError(f"{path}: is there already", "Name another file, or replace it with --overwrite.")
    kind = _kind(to.name)
    if kind not in ENDINGS:
        raise ExportError(f"{to}: its ending tells no format that is known: {', '.join(ENDINGS)}", elsewhere)
    kinds = {_kind(part.name) for parts in inputs.values() for part in parts}
    datasets = not all(inputs.values())
    if kind != ".jsonl" and (datasets or kinds != {kind}):
        told = ", ".join(sorted(kinds)) or "a dataset"
        raise ExportError(f"{to}: rows of {told} are written in the same format, or as .jsonl", elsewhere)
    _check_columns([part for parts in inputs.values() for part in parts], kind)


def _each_once(files: Sequence[str], reading: Reading) -> dict[str, list[File]]:
    """The files of each input. Twice the same rows are a slip, and their places in it could not be told apart.

    Raises:
        SourceError: A file is named twice, maybe by two patterns.
    """
    inputs: dict[str, list[File]] = {}
    named: dict[File, str] = {}
    for name in files:
        if name in inputs:
            raise SourceError(f"{masked(name)}: named twice", "Name each input once.")
        inputs[name] = parts_of(name, reading)
        for part in inputs[name]:
            file = part.resolve() if isinstance(part, Path) else part
            if file in named:
                by = " and ".join(masked(one) for one in dict.fromkeys((named[file], name)))
                raise SourceError(f"{part}: named twice, by {by}", "Name each file once.")
            named[file] = name
    return inputs


def _check_apart(inputs: Sequence[tuple[str, Sequence[File]]], to: Path) -> None:
    """Refuse to write what is read, or into a folder of which every file is read the next time.

    Raises:
        ExportError: One of both files is, or lies in such a folder.
    """
    elsewhere = "Name another file with --to."
    for name, parts in inputs:
        read = {part.resolve() for part in parts if isinstance(part, Path)}
        for path in (to, dropped_file(to)):
            if path.resolve() in read:
                raise ExportError(f"{path}: is read and cannot be written at once", elsewhere)
        folder = Path(name).expanduser()
        if folder.is_dir() and folder.resolve() in to.resolve().parents:
            raise ExportError(f"{to}: in the folder {name}, which is read", elsewhere)


def dropped_file(to: Path) -> Path:
    """Where the rows that are left out are told."""
    return to.with_name(f"{to.name}.dropped.jsonl")


def _check_columns(parts: Sequence[File], kind: str) -> None:
    """Refuse tables that cannot be written as one.

    Raises:
        SourceError: A file has other columns than the first one, or none that can be read.
    """
    if kind not in (*TABLES, ".parquet") or len(parts) < 2:
        return
    columns = [_schema(part) if kind == ".parquet" else _header(part)[0] for part in parts]
    for part, own in zip(parts, columns, strict=True):
        if own != columns[0]:
            raise SourceError(f"{part}: other columns than {parts[0]}", "Write them as rows with names: --to OUT.jsonl")


def write_kept(
    files: Sequence[str], to: Path, out: IO[bytes], reading: Reading, where: Where, rows: int, kept: Kept
) -> None:
    """Write the kept rows of several inputs, in order.

    Args:
        files: What was read.
        to: What is written; checked already.
        out: It, opened by `written`.
        reading: How it was read.
        where: Of each row's number, its place as it was told when it was read.
        rows: How many there are.
        kept: Whether this row is.

    Raises:
        SourceError: The inputs are not what they were.
        OSError: It cannot be written.
    """
    inputs = [parts_of(file, reading) for file in files]
    parts = [part for several in inputs for part in several]
    if _kind(to.name) == ".parquet":
        _write_parquet(parts, out, kept)
    elif all(inputs) and {_kind(part.name) for part in parts} == {_kind(to.name)}:
        _write_lines(parts, out, where, rows, kept)
    else:
        number = 0
        for file in files:
            for _, row in rows_of(reading.settings(file)):
                if kept(number):
                    out.write(f"{on_one_line(json.loads(json.dumps(row, default=str)))}\n".encode())
                number += 1


@contextmanager
def written(to: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file of kept rows, and the one that tells which are left out: both there whole, or neither.

    Raises:
        ExportError: They cannot be written.
    """
    targets = [to.resolve(), dropped_file(to).resolve()]
    asides = [aside_of(target) for target in targets]
    try:
        with _aside(asides[0], to) as out, _aside(asides[1], dropped_file(to)) as told:
            yield out, told
        for aside, target in zip(asides, targets, strict=True):
            aside.replace(target)
        for folder in {target.parent for target in targets}:
            sync(folder)
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror}", "Name another file with --to.") from None
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


@contextmanager
def _aside(aside: Path, to: Path) -> Iterator[BinaryIO]:
    """A file on the disk, with another name at first; packed, if its own ends in `.gz`."""
    with aside.open("wb") as file:
        if to.name.lower().endswith(".gz"):
            # Without a time, so that the same rows make the same file.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield file
        file.flush()
        os.fsync(file.fileno())


def _kind(name: str) -> str:
    return ALIKE.get(ending(name), ending(name))


def _write_lines(parts: Sequence[File], out: IO[bytes], where: Where, rows: int, kept: Kept) -> None:
    """Copy the lines of kept rows. A row's lines are those after the row before it, up to the place that was told."""
    number, empty = 0, True
    for part in parts:
        with open_bytes(part) as file:
            lines = iter(partial(file.readline, MOST_LINE + 1), b"")
            at = 0
            if ending(part.name) in TABLES:
                at = _header(part)[1]
                names = b"".join(next(lines, b"") for _ in range(at))
                if empty:
                    out.write(_ended(names))
                    empty = False
            while number < rows:
                name, _, line = where(number).rpartition(":")
                if name != str(part):
                    break
                last = int(line)
                own = b"".join(next(lines, b"") for _ in range(last - at))
                if not own:
                    raise SourceError(f"{part}: has fewer lines than when it was read", "Run the same command again.")
                at = last
                if kept(number):
                    # A second file's mark would stand within the text.
                    out.write(_ended(own if empty else own.removeprefix(BOM)))
                    empty = False
                number += 1


def _ended(line: bytes) -> bytes:
    """A line with its end: the last one of a file may lack it, and another may follow."""
    return line if line.endswith(b"\n") else line + b"\n"


def _header(part: File) -> tuple[list[str], int]:
    """A table's names, and the lines that they take: names may be quoted, and hold line breaks."""
    csv.field_size_limit(MOST_LINE)
    tabbed = ending(part.name) == ".tsv"
    reader = csv.reader(text_lines(part), dialect="excel-tab" if tabbed else "excel", strict=True)
    try:
        return next(reader, []), reader.line_num
    except csv.Error as bad:
        raise SourceError(f"{part}:{reader.line_num}: {bad}") from None


def _schema(part: File) -> "Schema":
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with open_bytes(part) as file:
            return ParquetFile(file).schema_arrow
    except (OSError, ValueError, ArrowException) as bad:
        raise SourceError(f"{part}: not a Parquet file: {first_line(bad)}") from None


def _write_parquet(parts: Sequence[File], out: IO[bytes], kept: Kept) -> None:
    """Rows as they are, in the first file's schema."""
    from pyarrow import array
    from pyarrow.parquet import ParquetFile, ParquetWriter

    from constitution.readers import PARQUET_ROWS

    number = 0
    with ParquetWriter(out, _schema(parts[0])) as writer:
        for part in parts:
            with open_bytes(part) as file:
                for batch in ParquetFile(file).iter_batches(batch_size=PARQUET_ROWS):
                    mask = array([kept(number + place) for place in range(batch.num_rows)])
                    number += batch.num_rows
                    writer.write_batch(batch.filter(mask))
