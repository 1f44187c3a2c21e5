"""A file at a URL, read from its beginning to its end though the network fails now and then."""

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, TypeVar

from constitution.errors import SourceError
from constitution.remote.addresses import WEB, credentials_hint, filesystem, masked, protocol_of, reason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from fsspec import AbstractFileSystem

# Bytes that are fetched at once: some file systems' own default is fifty million.
BLOCK = 4 * 1024**2
BUFFER = 1024**2
# Seconds before each further attempt.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# What another attempt would not change.
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError, ValueError, TypeError)

# What tells of an open file that it is another one than before.
SIGNS = ("ETag", "etag", "md5Hash", "LastModified", "Last-Modified", "last_modified", "mtime", "updated")

Result = TypeVar("Result")


class Changed(OSError):
    """A file is another one than it was when its reading began."""


@dataclass(frozen=True)
class Found:
    """A file of a file system.

    Attributes:
        files: The file system.
        path: Of the file in it.
    """

    files: "AbstractFileSystem"
    path: str


@dataclass(frozen=True)
class RemoteFile:
    """A file at a URL, which is opened as a `Path` is.

    Attributes:
        url: Its address, with whatever secrets are in it; shown masked.
        found: Where it is, if a folder or a pattern was looked into: the URL alone may not tell host and user.
    """

    url: str
    found: "Found | None" = field(default=None, compare=False)

    def __str__(self) -> str:
        return masked(self.url)

    def __repr__(self) -> str:
        return f"RemoteFile({self})"

    @property
    def name(self) -> str:
        """The last part of its path."""
        path = self.url
        if protocol_of(path) in WEB:
            path = path.partition("#")[0].partition("?")[0]
        return path.rstrip("/").rpartition("/")[2]

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open it for reading bytes, whatever the mode.

        Raises:
            SourceError: There is no such file, or it cannot be reached.
        """
        files, path = (self.found.files, self.found.path) if self.found else filesystem(self.url, SourceError)
        try:
            # Many web servers know no ranges and do not say so: what they send is taken as it comes.
            opened = partial(files.open, path, "rb", block_size=0 if protocol_of(self.url) in WEB else BLOCK)
            return io.BufferedReader(_Persistent(opened), BUFFER)
        except (FileNotFoundError, IsADirectoryError) as bad:
            # Of a web server it is any refusal.
            told = f": {reason(bad.__cause__)}" if bad.__cause__ and protocol_of(self.url) in WEB else ""
            raise SourceError(f"{self}: no such file{told}", "Check the URL.") from None
        except Exception as bad:
            # Each package has errors of its own.
            raise SourceError(
                f"{self}: cannot be read: {reason(bad)}", credentials_hint(protocol_of(self.url))
            ) from None


class _Persistent(io.RawIOBase):
    """Bytes of a file; where reading fails, it is opened again and read on from the same byte."""

    def __init__(self, opened: Callable[[], IO[bytes]]) -> None:
        super().__init__()
        self._opened = opened
        self._place = 0
        self._file: IO[bytes] | None = None
        self._signs: dict[str, object] = {}
        self._try(lambda file: None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        content = self._try(lambda file: file.read(len(view)))
        view[: len(content)] = content
        self._place += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()

    def _try(self, use: Callable[[IO[bytes]], Result]) -> Result:
        for pause in (*PAUSES, None):
            try:
                if self._file is None:
                    self._file = self._opened()
                    self._check_same(self._file)
                    self._skip_to_place(self._file)
                return use(self._file)
            except (*FINAL, Changed):
                raise
            except Exception as bad:
                # Each package has errors of its own for a network that fails.
                self._drop()
                if pause is None or _is_refusal(bad):
                    raise OSError(f"{reason(bad)} (after {self._place:,} bytes)") from None
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _check_same(self, file: IO[bytes]) -> None:
        signs = _signs_of(file)
        before = self._signs = self._signs or signs
        if any(before[name] != signs[name] for name in before.keys() & signs.keys()):
            raise Changed(f"it was changed while it was read (after {self._place:,} bytes)")

    def _skip_to_place(self, file: IO[bytes]) -> None:
        # What comes as a whole has no size, and goes to no place in it.
        if getattr(file, "size", None) is not None:
            file.seek(self._place)
            return
        left = self._place
        while left and (passed := file.read(min(left, BLOCK))):
            left -= len(passed)

    def _drop(self) -> None:
        if self._file is not None:
            # It is of no use any more, and what its closing says is what its reading said.
            with contextlib.suppress(Exception):
                self._file.close()
        self._file = None


def _signs_of(file: IO[bytes]) -> dict[str, object]:
    """What tells an open file from another one; nothing where that is not known."""
    headers = getattr(getattr(file, "r", None), "headers", None)
    # What comes from a web server as a whole; of others, what they were found with.
    told = headers if headers is not None else getattr(file, "details", None) or {}
    signs = {sign: told.get(sign) for sign in SIGNS} | {"size": getattr(file, "size", None)}
    return {name: sign for name, sign in signs.items() if sign is not None}


def _is_refusal(bad: Exception) -> bool:
    """Whether a web server said no, and would say it again."""
    status = getattr(bad, "status", None)
    return isinstance(status, int) and 400 <= status < 500 and status not in (408, 425, 429)
