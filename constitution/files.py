"""Files as people keep them: plain or gzipped, and not always UTF-8."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from constitution.errors import SourceError

GZIP_MAGIC = b"\x1f\x8b"
# What a damaged gzip file raises, at the place of the damage.
DAMAGED = (EOFError, OSError, zlib.error)


def is_gzip(path: Path) -> bool:
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


def open_bytes(path: Path) -> BinaryIO:
    """Open for reading, gunzipping on the way if need be.

    Raises:
        SourceError: No such file, or it may not be read.
    """
    return cast(BinaryIO, gzip.open(path)) if is_gzip(path) else path.open("rb")


def text_lines(path: Path) -> Iterator[str]:
    """The file's lines with their ends, one at a time; a byte-order mark is dropped.

    Raises:
        SourceError: At the first line that is not UTF-8, or where a gzip file is cut short.
    """
    number = 0
    with open_bytes(path) as file:
        try:
            for number, line in enumerate(file, 1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as bad:
            raise SourceError(
                f"{path}:{number}: not UTF-8 (byte {bad.start + 1} of the line)",
                f"Convert it first, for example: iconv -f LATIN1 -t UTF-8 {path.name} > utf8-{path.name}",
            ) from None
        except DAMAGED as bad:
            raise SourceError(f"{path}: broken after line {number}: {bad}") from None
