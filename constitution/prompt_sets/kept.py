"""Write the rows of a set that are kept: their lines as they are, byte for byte, where the format has lines."""

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from constitution.durable import aside_of, sync
from constitution.errors import ExportError, SourceError
from constitution.files import MOST_LINE, open_bytes, text_lines
from constitution.input_files import ALIKE, ENDINGS, File, ending
from constitution.outside import owner
from constitution.printable import on_one_line
from constitution.prompt_sets.reading import Reading, parts_of
from constitution.readers import rows_of

BOM = b"\xef\xbb\xbf"
TABLES = (".csv", ".tsv")
# What a row's own lines are, by its number: the place in its file that `readers.py` tells.
Where = Callable[[int], str]
Kept = Callable[[int], bool]


def check_output(files: Sequence[str], to: Path, reading: Reading, overwrite: bool) -> None:
    """Refuse what cannot be written before anything is read.

    Raises:
        ExportError: It is there, is no file, lies in a run, or its format fits neither the rows nor JSONL.
    """
    elsewhere = "Name another file with --to."
    if other := owner(to):
        raise ExportError(f"{to}: in the folder of a run, {other}", elsewhere)
    if to.is_dir():
        raise ExportError(f"{to}: a folder, not a file", elsewhere)
    if not to.parent.is_dir():
        raise ExportError(f"{to}: there is no folder {to.parent}", f"Make it first: mkdir -p {to.parent}")
    if any(Path(file).expanduser().resolve() == to.resolve() for file in files):
        raise ExportError(f"{to}: is read and cannot be written at once", elsewhere)
    for path in (to, dropped_file(to)):
        if path.exists() and not overwrite:
            raise ExportError(f"{path}: is there already", "Name another file, or replace it with --overwrite.")
    kind = _kind(to.name)
    if kind not in ENDINGS:
        raise ExportError(f"{to}: its ending tells no format that is known: {', '.join(ENDINGS)}", elsewhere)
    kinds = {_kind(part.name) for file in files for part in parts_of(file, reading)}
    datasets = any(not parts_of(file, reading) for file in files)
    if kind != ".jsonl" and (datasets or kinds != {kind}):
        told = ", ".join(sorted(kinds)) or "a dataset"
        raise ExportError(f"{to}: rows of {told} are written in the same format, or as .jsonl", elsewhere)


def dropped_file(to: Path) -> Path:
    """Where the rows that are left out are told."""
    return to.with_name(f"{to.name}.dropped.jsonl")


def write_kept(files: Sequence[str], to: Path, reading: Reading, where: Where, rows: int, kept: Kept) -> None:
    """Write the kept rows of several inputs, in order.

    Args:
        files: What was read.
        to: What is written; checked already.
        reading: How it was read.
        where: Of each row's number, its place as it was told when it was read.
        rows: How many there are.
        kept: Whether this row is.

    Raises:
        SourceError: The inputs are not what they were.
        ExportError: It cannot be written.
    """
    parts = [parts_of(file, reading) for file in files]
    kinds = {_kind(part.name) for several in parts for part in several}
    try:
        if _kind(to.name) == ".parquet":
            _write_parquet([part for several in parts for part in several], to, kept)
            return
        with written(to) as out:
            if all(parts) and kinds == {_kind(to.name)}:
                _write_lines([part for several in parts for part in several], out, where, rows, kept)
                return
            number = 0
            for file in files:
                for _, row in rows_of(reading.settings(file)):
                    if kept(number):
                        out.write(f"{on_one_line(json.loads(json.dumps(row, default=str)))}\n".encode())
                    number += 1
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror}", "Name another file with --to.") from None


@contextmanager
def written(to: Path) -> Iterator[BinaryIO]:
    """A file that is there whole or not at all; packed, if its name ends in `.gz`."""
    target = to.resolve()
    aside = aside_of(target)
    try:
        with aside.open("wb") as file:
            if to.name.lower().endswith(".gz"):
                # Without a time, so that the same rows make the same file.
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        sync(target.parent)
    finally:
        aside.unlink(missing_ok=True)


def _kind(name: str) -> str:
    return ALIKE.get(ending(name), ending(name))


def _write_lines(parts: Sequence[File], out: IO[bytes], where: Where, rows: int, kept: Kept) -> None:
    """Copy the lines of kept rows. A row's lines are those after the row before it, up to the place that was told."""
    number, empty, head = 0, True, b""
    for part in parts:
        with open_bytes(part) as file:
            lines = iter(partial(file.readline, MOST_LINE + 1), b"")
            at = 0
            if ending(part.name) in TABLES:
                at = _header_lines(part)
                names = b"".join(next(lines, b"") for _ in range(at))
                if head and names.removeprefix(BOM).rstrip() != head.removeprefix(BOM).rstrip():
                    raise SourceError(
                        f"{part}: other columns than {parts[0]}", "Write them as rows with names: --to OUT.jsonl"
                    )
                if not head:
                    head, empty = names, False
                    out.write(_ended(names))
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


def _header_lines(part: File) -> int:
    """Lines that a table's header takes: names may be quoted, and hold line breaks."""
    tabbed = ending(part.name) == ".tsv"
    reader = csv.reader(text_lines(part), dialect="excel-tab" if tabbed else "excel", strict=True)
    next(reader, None)
    return reader.line_num


def _write_parquet(parts: Sequence[File], to: Path, kept: Kept) -> None:
    """Rows as they are, in the first file's schema."""
    from pyarrow import array
    from pyarrow.parquet import ParquetFile, ParquetWriter

    from constitution.readers import PARQUET_ROWS

    number, writer = 0, None
    target = to.resolve()
    aside = aside_of(target)
    try:
        for part in parts:
            with open_bytes(part) as file:
                source = ParquetFile(file)
                for batch in source.iter_batches(batch_size=PARQUET_ROWS):
                    writer = writer or ParquetWriter(aside, batch.schema)
                    if batch.schema != writer.schema:
                        raise SourceError(
                            f"{part}: other columns than {parts[0]}", "Write them as JSON: --to OUT.jsonl"
                        )
                    mask = array([kept(number + place) for place in range(batch.num_rows)])
                    number += batch.num_rows
                    writer.write_batch(batch.filter(mask))
        if writer:
            writer.close()
            aside.replace(target)
            sync(target.parent)
    finally:
        aside.unlink(missing_ok=True)
