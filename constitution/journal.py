"""Append-only JSONL files of records.

Journals only grow. A line is one `write` of bytes to a file opened for appending, so a killed process can leave at
most one torn line, at the end, which the next start cuts off; nothing that was finished is lost. Each line ends with
the checksum (CRC-32) of what stands before it, so that a disk's error is noticed and not trained on:

    {"id":"row-1","index":0,…,"crc":"8f3a91c2"}
"""

import contextlib
import errno
import os
import re
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from constitution.durable import sync
from constitution.errors import RunError, unwritable
from constitution.records import Record
from constitution.run_folder import REVIEWS, check_entry

AnyRecord = TypeVar("AnyRecord", bound=Record)

# Without it, Windows writes two bytes for a line feed.
BINARY = getattr(os, "O_BINARY", 0)
# What ends a line, from the comma on.
_TAIL = len(',"crc":"00000000"}\n')
# The fields that every record of a row begins with; looking at no more reads a journal ten times as fast.
_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_HEAD = re.compile(rb'\{"(?:id|row)":%b,(?:"row":%b,)?"index":(\d{1,9})(?:,"pairs":(\d{1,9}))?[,}]' % (_TEXT, _TEXT))


# Positions are places in tables: one beyond this, which no run has, would ask for gigabytes.
MOST_ROWS = 100_000_000


class Line(NamedTuple):
    """A line whose checksum is right.

    Attributes:
        offset: The byte at which it begins.
        position: Which row it is about: the row's position in the input, from 0.
        pairs: Of a comparison, how many its row has in all; else 0.
        text: The line.
    """

    offset: int
    position: int
    pairs: int
    text: bytes


class Journal:
    """One append-only JSONL file.

    Args:
        path: Made if it does not exist.

    Raises:
        RunError: It cannot be opened, or is a link or a pipe.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Why nothing more may be written: after a failed write or flush, nobody knows what the disk holds.
        self._broken: OSError | None = None
        check_entry(path)
        try:
            _cut_torn_line(path)
            new = not path.exists()
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | BINARY, 0o644)
            if new:
                sync(path.parent)
        except OSError as bad:
            raise unwritable(path, bad) from None
        self._end = os.fstat(self._file).st_size
        self._synced = self._end

    def append(self, record: Record) -> None:
        """Write one record; it survives the death of this process from here on, and a power cut from `sync` on.

        Raises:
            RunError: The disk is full or the file may not be written; the file ends as it did before.
        """
        if self._broken:
            raise unwritable(self._path, self._broken)
        line = seal(record.model_dump_json().encode())
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as bad:
            # Other rows may want to append before the run has stopped: never after half a line.
            self._broken = bad
            with contextlib.suppress(OSError):
                # Where that fails too, the next start cuts it off.
                os.ftruncate(self._file, self._end)
            raise unwritable(self._path, bad) from None
        self._end += len(line)

    def sync(self) -> None:
        """Flush to the disk what was appended since the last time; may be called on another thread.

        Raises:
            RunError: The disk fails.
        """
        if self._broken:
            # The system tells of a failed flush once: a second one would succeed, with nothing written.
            raise unwritable(self._path, self._broken)
        end = self._end
        if self._synced == end:
            return
        try:
            os.fsync(self._file)
        except OSError as bad:
            self._broken = bad
            raise unwritable(self._path, bad) from None
        self._synced = end

    def close(self) -> None:
        """Flush to the disk and close.

        Raises:
            RunError: The disk fails.
        """
        try:
            self.sync()
        finally:
            os.close(self._file)


def read_records(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """The records of a journal; a torn last line, as a killed process leaves it, is passed over.

    Raises:
        RunError: A line that is damaged or is no such record, with its number and its first byte.
    """
    for line in read_lines(path):
        yield parse(path, line, kind)


def has_records(path: Path) -> bool:
    """Whether there is a whole line in a journal."""
    return next(read_lines(path), None) is not None


def read_lines(path: Path, offset: int = 0, first: int = 1) -> Iterator[Line]:
    """The lines of a journal, their checksums verified; a torn last line is passed over.

    Args:
        path: It need not be there.
        offset: The byte at which the first line to be read begins.
        first: Which line that is, from 1; for messages.

    Raises:
        RunError: A line that is damaged, with its number and its first byte; or the file cannot be read.
    """
    check_entry(path)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            for number, text in enumerate(file, first):
                if not text.endswith(b"\n"):
                    return
                if not _is_sound(text):
                    raise _damaged(path, number, offset)
                head = _HEAD.match(text)
                if not head or int(head[1]) >= MOST_ROWS:
                    raise no_record(path, number, offset)
                yield Line(offset, int(head[1]), int(head[2]) if head[2] else 0, text)
                offset += len(text)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as bad:
        raise RunError(f"{path}: cannot be read: {bad.strerror}") from None


def size_of(path: Path) -> int:
    """A journal's bytes; 0 if it is not there."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def read_line(path: Path, offset: int, kind: type[AnyRecord]) -> AnyRecord:
    """The record of the line that begins at this byte, as `read_lines` found it.

    Raises:
        RunError: The line was changed since, or is no such record.
    """
    with path.open("rb") as file:
        file.seek(offset)
        text = file.readline()
    if not _is_sound(text):
        what = f"the line at byte {offset} is not as it was written"
        raise RunError(f"{path}: damaged: {what}", _advice(path, offset))
    return parse(path, Line(offset, 0, 0, text), kind)


def parse(path: Path, line: Line, kind: type[AnyRecord]) -> AnyRecord:
    """The record that a line holds.

    Raises:
        RunError: It is no such record.
    """
    try:
        return kind.model_validate_json(line.text[:-_TAIL] + b"}")
    except ValidationError as bad:
        what = f"not a {kind.__name__.lower()} record: {bad.errors()[0]['msg']}"
        raise RunError(f"{path}: at byte {line.offset}: {what}", _advice(path, line.offset)) from None


def no_record(path: Path, number: int, offset: int) -> RunError:
    """The error of a line that is whole, and says something else than it should.

    Args:
        path: Of the journal.
        number: Of the line, from 1.
        offset: The byte at which it begins.
    """
    return RunError(f"{path}:{number}: not a record of a row", _advice(path, offset))


def seal(body: bytes) -> bytes:
    """A record's JSON object as a line, its checksum at the end."""
    text = body.removesuffix(b"}")
    return b'%b,"crc":"%08x"}\n' % (text, zlib.crc32(text))


def _is_sound(text: bytes) -> bool:
    """Whether a line ends with the checksum of what stands before that."""
    return text[-_TAIL:] == b',"crc":"%08x"}\n' % zlib.crc32(text[:-_TAIL])


def _damaged(path: Path, number: int, offset: int) -> RunError:
    return RunError(f"{path}:{number}: damaged: the line at byte {offset} has another checksum", _advice(path, offset))


def _advice(path: Path, offset: int) -> str:
    """What to do about the line that begins at this byte."""
    if path.name == REVIEWS:
        return _advice_on_reviews(path, offset)
    cut = f"truncate -s {offset} {shlex.quote(str(path))}"
    what = "what stood from there on is made again where it is needed"
    return f"Bring the file back from a copy; or cut it there, and {what}: {cut}"


def _advice_on_reviews(path: Path, offset: int) -> str:
    """How to do without one line: nobody gives the reviews after it again."""
    with path.open("rb") as file:
        number = file.read(offset).count(b"\n") + 1
    quoted, aside = shlex.quote(str(path)), shlex.quote(f"{path}.damaged")
    # Typed twice, or for several lines, it loses none that it takes out; GNU's and BSD's sed both know these words.
    take_out = f"LC_ALL=C sed -n '{number}p' {quoted} >> {aside} && LC_ALL=C sed -i.bak '{number}d' {quoted}"
    what = f"it goes to {path.name}.damaged, and every other review is kept, those after it too"
    return f"Bring the file back from a copy; or end the view and take out that one line ({what}): {take_out}"


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)
