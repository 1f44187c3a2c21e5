"""Keep an index up with the journals of a run, on a thread of its own, while pages are served."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from constitution.errors import RunError
from constitution.journal import Line, parse, read_lines, size_of
from constitution.manifest import Stage, find_manifest
from constitution.records import Record
from constitution.run_folder import check_entry
from constitution.view.entries import entry_of
from constitution.view.index import Index, Item, connect, made_here
from constitution.view.marks import COMPARED, OF_JOURNAL
from constitution.view.reviewed_rows import mark_reviewed
from constitution.view.schema import COMPARISONS, GIVEN, JOURNALS, TRANSCRIPTS, WORDS, Followed

# Seconds that one transaction gathers lines for: the first is short, as somebody waits for the first page.
FIRST, BATCH = 0.1, 0.5
# Bytes at the end of the last line read that are compared: its checksum, and some of what it is of.
TAIL = 64
# Which rows are reviewed depends on them.
REVIEWED_TEXTS = (TRANSCRIPTS, COMPARISONS, GIVEN)


class _Ended(Exception):
    """The indexer was told to end."""


class Place(NamedTuple):
    """How far a journal is read: to this byte, so many lines; what the last of them ends with."""

    offset: int
    lines: int
    tail: bytes


class Indexer:
    """Reads what is new in the journals whenever it is told that there may be something.

    Args:
        index: What is kept up.
        told: Called, on the indexer's thread, when the index has changed.
        warn: Likewise told of each damaged journal, once as long as it is.
    """

    def __init__(self, index: Index, told: Callable[[], None], warn: Callable[[str], None]) -> None:
        self._index = index
        self._told = told
        self._warn = warn
        self._damaged: set[str] = set()
        self._news = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view index", daemon=True)
        # Set when the first lines of a long journal are there, or there is nothing to read.
        self.begun = threading.Event()

    def start(self) -> None:
        """Begin with what is there."""
        self._news.set()
        self._thread.start()

    def look(self) -> None:
        """There may be something new."""
        self._news.set()

    def stop(self) -> None:
        """End now."""
        self._ended.set()
        self._news.set()
        if self._thread.ident:
            self._thread.join()

    def _changed(self) -> None:
        self.begun.set()
        self._told()

    def _paced(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pages go first; and when the indexer is to end, it does so at once: what it has begun is made again."""
        for item in self._index.paced(items):
            if self._ended.is_set():
                raise _Ended
            yield item

    def _run(self) -> None:
        try:
            while self._news.wait() and not self._ended.is_set():
                self._news.clear()
                # Another view may keep the index up; when it ends, its files change, and so this one looks again.
                if self._index.keep():
                    self._follow_all()
                self._changed()
        except _Ended:
            return
        except (sqlite3.Error, RunError) as bad:
            self._index.fault = bad.message if isinstance(bad, RunError) else f"{self._index.path}: {bad}"
            self._changed()

    def _follow_all(self) -> None:
        try:
            with closing(connect(self._index.path)) as connection:
                connection.execute("PRAGMA synchronous=NORMAL")
                for journal in JOURNALS:
                    self._follow(connection, journal)
        except sqlite3.Error:
            if made_here(self._index.path):
                raise
            # Somebody deleted it meanwhile: the next look makes it anew.
            self._news.set()

    def _follow(self, connection: sqlite3.Connection, journal: Followed) -> None:
        """Read a journal to its end, or to where it is damaged."""
        path = self._index.run / journal.file
        fault: RunError | None = None
        size = 0
        try:
            size = size_of(path)
            made = _made(self._index.run, journal.stage)
            place = self._place(connection, journal, made)
            lines = self._paced(read_lines(path, place.offset, place.lines + 1))
            seconds = BATCH if place.offset else FIRST
            while not fault and not self._ended.is_set():
                batch, fault = _gather(path, journal.kind, lines, seconds)
                if not batch:
                    break
                with _transaction(connection):
                    rows = _write(connection, journal, batch, self._paced)
                    last = batch[-1].line
                    place = Place(last.offset + len(last.text), place.lines + len(batch), last.text[-TAIL:])
                    connection.execute(
                        "INSERT OR REPLACE INTO journals VALUES(?, ?, ?, ?, ?, 0, '', '')",
                        (journal.number, made, place.offset, place.lines, place.tail),
                    )
                    if journal in REVIEWED_TEXTS:
                        mark_reviewed(self._index.run, connection, rows, self._paced)
                self._changed()
                seconds = BATCH
        except RunError as bad:
            fault = bad
        if not self._ended.is_set():
            _tell(connection, journal, size, fault)
            self._warn_once(journal, fault)

    def _warn_once(self, journal: Followed, fault: RunError | None) -> None:
        if not fault:
            self._damaged.discard(journal.file)
        elif journal.file not in self._damaged:
            self._damaged.add(journal.file)
            self._warn(f"{fault.message}\n  {fault.hint}" if fault.hint else fault.message)

    def _place(self, connection: sqlite3.Connection, journal: Followed, made: str) -> Place:
        """Where to go on; at the beginning if what was read is no longer there."""
        beginning = Place(0, 0, b"")
        found = connection.execute(
            "SELECT made, offset, lines, tail FROM journals WHERE number = ?", (journal.number,)
        ).fetchone()
        if found is None:
            return beginning
        before, *place = found
        there = Place(*place)
        if there.offset and (before != made or not _ends(self._index.run / journal.file, there)):
            with _transaction(connection):
                _forget(connection, journal)
                if journal in REVIEWED_TEXTS:
                    mark_reviewed(self._index.run, connection, None, self._paced)
            return beginning
        return there


class Read(NamedTuple):
    """A line, and what it holds."""

    line: Line
    record: Record


def _gather(
    path: Path, kind: type[Record], lines: Iterator[Line], seconds: float
) -> tuple[list[Read], RunError | None]:
    """Read lines for so long; those before a damaged one are as good as any."""
    batch: list[Read] = []
    end = time.monotonic() + seconds
    try:
        for line in lines:
            batch.append(Read(line, parse(path, line, kind)))
            if time.monotonic() > end:
                break
    except RunError as bad:
        return batch, bad
    return batch, None


def _made(run: Path, stage: Stage | None) -> str:
    """When the stage that writes a journal began: a stage that began anew has written another one."""
    manifest = find_manifest(run, stage) if stage else None
    return manifest.created if manifest else ""


def _tell(connection: sqlite3.Connection, journal: Followed, size: int, fault: RunError | None) -> None:
    """Keep how far a journal was seen and what is wrong with it, for pages."""
    told = (size, *((fault.message, fault.hint) if fault else ("", "")))
    kept = connection.execute("SELECT seen, fault, hint FROM journals WHERE number = ?", (journal.number,)).fetchone()
    if told != (kept or (0, "", "")):
        connection.execute(
            "INSERT INTO journals VALUES(?, '', 0, 0, x'', ?, ?, ?) "
            "ON CONFLICT(number) DO UPDATE SET seen = excluded.seen, fault = excluded.fault, hint = excluded.hint",
            (journal.number, *told),
        )


def _ends(path: Path, place: Place) -> bool:
    """Whether the line that ends there is the one that was read."""
    check_entry(path)
    try:
        with path.open("rb") as file:
            file.seek(place.offset - len(place.tail))
            return file.read(len(place.tail)) == place.tail
    except OSError:
        return False


def _forget(connection: sqlite3.Connection, journal: Followed) -> None:
    number = journal.number
    for table in ("lines", "drawn"):
        connection.execute(f"DELETE FROM {table} WHERE journal = ?", (number,))
    connection.execute("DELETE FROM journals WHERE number = ?", (number,))
    connection.execute(f"DROP TABLE words_{number}")
    connection.execute(WORDS.format(number))
    connection.execute("UPDATE rows SET marks = marks & ~?", (OF_JOURNAL.get(number, 0),))
    if journal is COMPARISONS:
        connection.execute("UPDATE rows SET compared = 0")
    connection.execute("DELETE FROM rows WHERE number NOT IN (SELECT row FROM lines)")


def _write(
    connection: sqlite3.Connection,
    journal: Followed,
    batch: Sequence[Read],
    paced: Callable[[Iterable[Any]], Iterable[Any]],
) -> set[int]:
    """Put lines into the index; the numbers of their rows."""
    rows: set[int] = set()
    # Words in the order of their numbers: sqlite closes its list of them, and begins another, wherever they go back.
    words: list[tuple[int, str]] = []
    for line, record in paced(batch):
        entry = entry_of(journal, record)
        row, compared = connection.execute(
            "INSERT INTO rows(id, position, marks, compared) VALUES(?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET marks = marks | excluded.marks, compared = compared + excluded.compared "
            "RETURNING number, compared",
            (entry.row, line.position, entry.marks, int(journal is COMPARISONS)),
        ).fetchone()
        rows.add(row)
        if journal is COMPARISONS and compared == line.pairs:
            connection.execute("UPDATE rows SET marks = marks | ? WHERE number = ?", (COMPARED, row))
        (number,) = connection.execute(
            "INSERT INTO lines(journal, row, offset, p) VALUES(?, ?, ?, ?) RETURNING number",
            (journal.number, row, line.offset, entry.p),
        ).fetchone()
        connection.executemany(
            "INSERT OR IGNORE INTO drawn VALUES(?, ?, ?)",
            [(principle, row, journal.number) for principle in entry.principles],
        )
        if entry.words:
            words.append((row if journal is TRANSCRIPTS else number, entry.words))
    words.sort()
    connection.executemany(f"INSERT INTO words_{journal.number}(rowid, text) VALUES(?, ?)", paced(words))
    return rows


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
