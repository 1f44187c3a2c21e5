"""Another run's finished calls, lent to a run that makes the same ones."""

from array import array
from collections.abc import Iterator
from pathlib import Path

from constitution.journal import parse, read_line, read_lines
from constitution.records import Call, Row

# As many rows as are in flight at most, and then some: whoever is read again costs a few lines.
MOST_ROWS = 10_000


class Lender:
    """The calls of a journal by row. Where they stand is held, and not what they say.

    Args:
        path: The journal.

    Raises:
        RunError: It is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # By a hash of the row's id, the bytes at which its calls begin.
        self._offsets: dict[int, array[int]] = {}
        # The calls of rows that are being run: of the last ones that were asked about.
        self._read: dict[str, dict[tuple[str, str], Call]] = {}
        for line in read_lines(path):
            call = parse(path, line, Call)
            self._offsets.setdefault(hash(call.row), array("q")).append(line.offset)

    def find(self, row: Row, step: str, digest: str) -> Call | None:
        """This very call, if it is there; as one of the row's, wherever the row stands in the other input."""
        if row.id not in self._read:
            if len(self._read) >= MOST_ROWS:
                del self._read[next(iter(self._read))]
            self._read[row.id] = {(call.step, call.digest): call for call in self.of(row)}
        return self._read[row.id].get((step, digest))

    def of(self, row: Row) -> Iterator[Call]:
        """All calls of a row."""
        for offset in self._offsets.get(hash(row.id), ()):
            call = read_line(self._path, offset, Call)
            if call.row == row.id:
                yield call.model_copy(update={"index": row.index})
