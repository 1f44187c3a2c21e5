"""Append-only JSONL files of records.

Journals only grow. A line is one `write` of bytes to a file opened for appending, so a killed process can leave at
most one torn line, at the end, which the next start cuts off; nothing that was finished is lost. Power cuts can cost
the last second: journals are flushed to the disk once a second.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from constitution.errors import RunError
from constitution.records import Record

SYNC_SECONDS = 1.0
AnyRecord = TypeVar("AnyRecord", bound=Record)


class Journal:
    """One append-only JSONL file.

    Args:
        path: Made at the first record.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synced = time.monotonic()
        _cut_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, record: Record) -> None:
        """Write one record; it survives the death of this process from here on.

        Raises:
            RunError: The disk is full or the file may not be written.
        """
        line = record.model_dump_json().encode() + b"\n"
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(28, "only part of a line could be written: the disk is full")
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as bad:
            raise RunError(
                f"{self._path}: cannot be written: {bad.strerror}",
                "Nothing finished is lost: make room, then run the same command again.",
            ) from None

    def close(self) -> None:
        """Flush to the disk and close."""
        os.fsync(self._file)
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
