"""A journal that somebody else writes meanwhile."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from constitution.journal import Line, no_record, read_lines

# As much of what was read last as tells it from what another file holds there: its line's checksum is in it.
_END = 20


class Following:
    """What was added to a journal since the last look.

    Args:
        path: Of the journal; it need not be there yet.
        forget: Called before anything else if what was read is no longer there: another file took its place.
    """

    def __init__(self, path: Path, forget: Callable[[], None]) -> None:
        self.path = path
        self._forget = forget
        self._read, self._lines = 0, 0
        self._last = b""

    def look(self, take: Callable[[Line], None], seconds: float = math.inf) -> bool:
        """Read the lines that were not there at the last look.

        Args:
            take: Given each of them. One that it cannot take counts as not read: it is met again at the next look.
            seconds: How long to read; one line at least.

        Returns:
            Whether there may be more.

        Raises:
            RunError: The journal is damaged, or a line is not what it should be.
        """
        if not self._still_there():
            self._read, self._lines, self._last = 0, 0, b""
            self._forget()
        end = time.monotonic() + seconds
        for line in read_lines(self.path, self._read, self._lines + 1):
            try:
                take(line)
            except (AttributeError, KeyError, TypeError, ValueError):
                raise no_record(self.path, self._lines + 1, line.offset) from None
            self._lines += 1
            self._read, self._last = line.offset + len(line.text), line.text[-_END:]
            if time.monotonic() >= end:
                return True
        return False

    def _still_there(self) -> bool:
        if not self._read:
            return True
        try:
            with self.path.open("rb") as file:
                file.seek(self._read - len(self._last))
                return file.read(len(self._last)) == self._last
        except OSError:
            return False
