"""A part of a run: every n-th row of the input, so that n machines share it without talking to each other."""

from typing import NamedTuple, Self

# As it is typed: 2/8 is the second of eight.
PATTERN = r"^[1-9][0-9]{0,5}/[1-9][0-9]{0,5}$"


class Shard(NamedTuple):
    """One of several parts of an input, which are equally large but for one row.

    Attributes:
        number: Which one, from 1.
        of: How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, typed: str | None) -> Self:
        """The shard that a setting names, of the form `PATTERN`; None is the whole input."""
        return cls(*map(int, typed.split("/"))) if typed else cls(1, 1)

    def holds(self, index: int) -> bool:
        """Whether the row at this position of the input is in the shard: positions do not depend on skip and limit."""
        return index % self.of == self.number - 1

    def rows(self, skip: int, rows: int) -> int:
        """How many of `rows` rows that begin at position `skip` are in the shard."""
        return self._before(skip + rows) - self._before(skip)

    def _before(self, index: int) -> int:
        return (index + self.of - self.number) // self.of

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.number}/{self.of}"
