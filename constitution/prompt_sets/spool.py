"""Texts by number, in a temporary file: a row takes eight bytes of memory, however long it is."""

from array import array
from pathlib import Path


class Spool:
    """Grows at its end, and is read anywhere.

    Args:
        path: A file that is not there yet; whoever names it takes it away.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._ends = array("Q", [0])
        self._reading = False

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, text: str) -> None:
        """Append a text."""
        if self._reading:
            self._file.seek(self._ends[-1])
            self._reading = False
        # Half of a surrogate pair, which JSON can spell, is kept as it is.
        written = self._file.write(text.encode("utf-8", "surrogatepass"))
        self._ends.append(self._ends[-1] + written)

    def __getitem__(self, number: int) -> str:
        """The text that was added as this one, from 0."""
        self._reading = True
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        return self._file.read(end - start).decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
