"""Append-only JSONL files of records.

Journals only grow. A line is one `write` of bytes to a file opened for appending, so a killed process can leave at
most one torn line, at the end, which the next start cuts off; nothing that was finished is lost. Power cuts can cost
the last second or two: a run flushes its journals to the disk once a second.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from constitution.errors import RunError
from constitution.records import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


class Journal:
    """One append-only JSONL file.

    Args:
        path: Made at the first record.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _cut_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._end = os.fstat(self._file).st_size
        self._synced = self._end

    def append(self, record: Record) -> None:
        """Write one record; it survives the death of this process from here on.

        Raises:
            RunError: The disk is full or the file may not be written; the file ends as it did before.
        """
        line = record.model_dump_json().encode() + b"\n"
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as bad:
            # Other workers may append before the run has stopped: never after half a line.
            os.ftruncate(self._file, self._end)
            raise RunError(
                f"{self._path}: cannot be written: {bad.strerror}",
                "Nothing finished is lost: make room, then run the same command again.",
            ) from None
        self._end += len(line)

    def sync(self) -> None:
        """Flush to the disk what was appended since the last time."""
        end = self._end
        if self._synced < end:
            os.fsync(self._file)
            self._synced = end

    def close(self) -> None:
        """Flush to the disk and close."""
        try:
            self.sync()
        finally:
            os.close(self._file)


def read_records(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """The records of a journal; a torn last line, as a killed process leaves it, is passed over.

    Raises:
        RunError: A line that is not such a record, with its number.
    """
    for _, record in records_at(path, kind):
        yield record


def records_at(path: Path, kind: type[AnyRecord]) -> Iterator[tuple[int, AnyRecord]]:
    """The records of a journal, each with the byte at which its line begins; otherwise as `read_records`."""
    if not path.exists():
        return
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield offset, kind.model_validate_json(line)
            except ValidationError as bad:
                reason = bad.errors()[0]["msg"]
                raise RunError(f"{path}:{number}: not a {kind.__name__.lower()} record: {reason}") from None
            offset += len(line)


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
