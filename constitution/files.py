"""Files as people keep them: plain or gzipped, and not always UTF-8."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from constitution.errors import SourceError
from constitution.remote.reading import RemoteFile

# Bytes of a line or a cell: more than any model reads, and little enough to hold. A gzip file of a few kilobytes may
# unpack to a line that no memory holds.
MOST_LINE = 64 * 1024**2
GZIP_MAGIC = b"\x1f\x8b"
# What a damaged gzip file raises, at the place of the damage.
DAMAGED = (EOFError, OSError, zlib.error)


def is_gzip(path: Path | RemoteFile) -> bool:
    """Whether the file's first two bytes are gzip's, whatever its name.

    Raises:
        SourceError: No such file, or it may not be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(2) == GZIP_MAGIC
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file", "Check the path.") from None
    except OSError as bad:
        raise SourceError(f"{path}: cannot be read: {bad.strerror}") from None


def open_bytes(path: Path | RemoteFile) -> BinaryIO:
    """Open for reading, gunzipping on the way if need be.

    Raises:
        SourceError: No such file, or it may not be read.
    """
    if isinstance(path, RemoteFile):
        # Opened once: each time is a request or two.
        file = path.open("rb")
        try:
            packed = file.peek(2)[:2] == GZIP_MAGIC
        except OSError as bad:
            file.close()
            raise SourceError(f"{path}: cannot be read: {bad}", "Check the network, and try again.") from None
        return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else cast(BinaryIO, file)
    return cast(BinaryIO, gzip.open(path)) if is_gzip(path) else path.open("rb")


def text_lines(path: Path | RemoteFile) -> Iterator[str]:
    """The file's lines with their ends, one at a time; a byte-order mark is dropped.

    Raises:
        SourceError: At the first line that is not UTF-8 or too long, or where a gzip file is cut short.
    """
    number = 0
    with open_bytes(path) as file:
        try:
            for number, line in enumerate(iter(lambda: file.readline(MOST_LINE + 1), b""), 1):
                if len(line) > MOST_LINE:
                    raise SourceError(
                        f"{path}:{number}: a line of more than {MOST_LINE:,} bytes", "Each row is a line of its own."
                    )
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as bad:
            raise SourceError(
                f"{path}:{number}: not UTF-8 (byte {bad.start + 1} of the line)",
                f"Convert it first, for example: iconv -f LATIN1 -t UTF-8 {path.name} > utf8-{path.name}",
            ) from None
        except DAMAGED as bad:
            raise SourceError(f"{path}: broken after line {number}: {bad}") from None
