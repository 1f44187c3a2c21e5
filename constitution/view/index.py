"""What is found quickly: an sqlite file beside the journals of a run.

It holds no texts, only where in the journals they stand, and which words are in them. It is derived: whoever deletes
`.view.sqlite` loses nothing, the next view makes it anew. A run may come from anywhere, and an index with it that was
made to mislead, or to break sqlite: an index is read only where it was made, and only if it has this program's schema.
"""

import errno
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from constitution.digests import digest
from constitution.errors import RunError
from constitution.run_folder import check_entries
from constitution.view.schema import is_ours, make

Item = TypeVar("Item")

FILE, LOCK = ".view.sqlite", ".view.lock"
# Raise it when the schema, or what is put into it, changes.
VERSION = 2
# sqlite's files beside it.
ENDINGS = ("", "-wal", "-shm", "-journal")
# Where in the file's first bytes sqlite keeps the number that the application gives it (`user_version`).
_GIVEN = slice(60, 64)
# Seconds that a reader waits for a writer, who never takes as long.
PATIENCE = 5.0
# Seconds that a piece of work waits for pages, at most: it comes to its end whatever is asked.
MOST_PAUSE = 0.5


@dataclass
class Index:
    """The index of one run, as one process uses it; several may, of which one keeps it up.

    Attributes:
        run: The run's folder.
        folder: Where the index is: the run's, or one of its own if that, or an index there, belongs to somebody else.
        fault: Why it is no longer kept up; empty while it is.
    """

    run: Path
    folder: Path = field(init=False)
    fault: str = field(init=False, default="")
    _own: "tempfile.TemporaryDirectory[str] | None" = field(init=False, default=None)
    _lock: FileLock = field(init=False)
    _readers: int = field(init=False, default=0)
    _count: threading.Lock = field(init=False, default_factory=threading.Lock)
    _quiet: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.folder = self.run
        self._quiet.set()
        if os.access(self.run, os.W_OK | os.X_OK):
            self._lock = FileLock(self.folder / LOCK, thread_local=False)
        else:
            self._go_elsewhere()

    @property
    def path(self) -> Path:
        """The sqlite file."""
        return self.folder / FILE

    @property
    def keeping(self) -> bool:
        """Whether it is this process that keeps the index up."""
        return self._lock.is_locked

    def keep(self) -> bool:
        """Become the one who keeps it up, if nobody is; whatever is not this program's index is removed.

        Whoever keeps it up already makes it anew if somebody has deleted it.

        Raises:
            RunError: A link is in its place, or the disk fails.
        """
        if self.keeping and made_here(self.path):
            return True
        check_entries(self.folder)
        try:
            try:
                return self._keep()
            except PermissionError:
                # Several people may write to the folder, each their own files only.
                if self._own:
                    raise
                self._go_elsewhere()
                return self._keep()
        except (sqlite3.Error, OSError) as bad:
            self._lock.release()
            raise RunError(
                f"{self.path}: cannot be written: {bad}", "Make room, or view a copy of the run on another disk."
            ) from None

    def _keep(self) -> bool:
        try:
            if not self.keeping:
                self._lock.acquire(blocking=False)
        except Timeout:
            return False
        try:
            if self._is_there():
                return True
            for ending in ENDINGS:
                self.path.with_name(FILE + ending).unlink(missing_ok=True)
            with closing(connect(self.path)) as new:
                make(new)
                new.execute(f"PRAGMA user_version={_origin(self.path)}")
        except BaseException:
            self._lock.release()
            raise
        return True

    def _is_there(self) -> bool:
        files = [self.path.with_name(FILE + ending) for ending in ENDINGS]
        if any(file.exists() and not os.access(file, os.W_OK) for file in files):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.path))
        with suppress(sqlite3.DatabaseError), closing(connect(self.path)) as there:
            return made_here(self.path) and is_ours(there)
        return False

    def _go_elsewhere(self) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="constitution-view-")
        self.folder = Path(self._own.name)
        self._lock = FileLock(self.folder / LOCK, thread_local=False)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for one answer; it sees one moment of the index.

        Raises:
            RunError: There is no index yet, or it is being replaced.
        """
        with self._count:
            self._readers += 1
            self._quiet.clear()
        try:
            if not made_here(self.path):
                raise sqlite3.DatabaseError("no index of this version was made here")
            with closing(connect(self.path, "ro")) as found:
                found.execute("BEGIN")
                if not is_ours(found):
                    raise sqlite3.DatabaseError("no index of this version")
                yield found
        except sqlite3.DatabaseError as bad:
            raise RunError(
                f"{self.path}: cannot be read: {bad}",
                "Reload the page in a moment; else stop the view, delete the file.",
            ) from None
        finally:
            with self._count:
                self._readers -= 1
                if not self._readers:
                    self._quiet.set()

    def paced(self, items: Iterable[Item]) -> Iterator[Item]:
        """Work of whoever keeps the index up: pages that people wait for go before each piece of it."""
        for item in items:
            self._quiet.wait(MOST_PAUSE)
            yield item

    def close(self) -> None:
        """Let another process keep it up."""
        if self.keeping:
            # The last one who could write, and leaves, takes sqlite's other files away.
            with suppress(sqlite3.Error), closing(connect(self.path, "rw")) as last:
                last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._lock.release()
        self.leave()

    def leave(self) -> None:
        """Take away what is only this process's; the index in a run's folder stays."""
        if self._own:
            self._own.cleanup()


def connect(path: Path, mode: str = "rwc") -> sqlite3.Connection:
    """A connection whose transactions are begun and ended by hand; no function of the file's schema is called."""
    made = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", PATIENCE, isolation_level=None, uri=True)
    try:
        made.execute("PRAGMA trusted_schema=OFF")
        made.execute("PRAGMA cell_size_check=ON")
    except BaseException:
        made.close()
        raise
    return made


def made_here(path: Path) -> bool:
    """Whether a file bears its own number on this disk, which nobody knows who made it elsewhere; sqlite is not asked.

    A copy of an index does not: it is made anew.
    """
    try:
        with path.open("rb") as file:
            given = file.read(_GIVEN.stop)[_GIVEN]
        return int.from_bytes(given, "big") == _origin(path)
    except OSError:
        return False


def _origin(path: Path) -> int:
    """A hash of the version and of the file's number on its disk: 31 bits, as sqlite keeps 32 with a sign."""
    return int(digest([VERSION, path.stat().st_ino])[:8], 16) >> 1
