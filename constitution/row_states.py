"""Where each row of a stage is, a byte a row: a million rows take a megabyte."""

from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from constitution.counts import Counts
from constitution.journal import read_lines
from constitution.manifest import COMPARE, Stage


class State(IntEnum):
    """Where a row is; failed rows may be tried again, filtered ones not."""

    PENDING = 0
    DONE = 1
    FAILED = 2
    FILTERED = 3


# Looked up, a state costs a fifth of one that is made of its number.
_STATES = tuple(State)


class RowStates:
    """States by the row's position in the input; who is not known is pending."""

    def __init__(self) -> None:
        self._states = bytearray()
        self._numbers = [0] * len(State)

    def __getitem__(self, index: int) -> State:
        """The state of the row at this position."""
        return _STATES[self._states[index]] if index < len(self._states) else State.PENDING

    def __setitem__(self, index: int, state: State) -> None:
        """Move the row at this position to a state."""
        if index >= len(self._states):
            self._states.extend(bytes(max(index + 1 - len(self._states), len(self._states))))
        self._numbers[self._states[index]] -= 1
        self._numbers[state] += 1
        self._states[index] = state

    def counts(self, rows: int) -> Counts:
        """How many rows are where, of `rows` in all."""
        return Counts(
            input=rows,
            done=self._numbers[State.DONE],
            failed=self._numbers[State.FAILED],
            filtered=self._numbers[State.FILTERED],
        )

    def of(self, state: State) -> Iterator[int]:
        """The positions of the rows that are in a state."""
        return (index for index, found in enumerate(self._states) if found == state)


def read_states(folder: Path, stage: Stage) -> RowStates:
    """Where the rows of a stage are, by its journals.

    Raises:
        RunError: A journal is damaged.
    """
    states = RowStates()
    outcomes, filtered, failures = (folder / name for name in (stage.outcomes, stage.filtered, stage.failures))
    # Of rows some of whose comparisons are there, how many are not.
    lacking: dict[int, int] = {}
    for line in read_lines(outcomes):
        if stage is COMPARE:
            left = lacking.pop(line.position, line.pairs) - 1
            if left:
                lacking[line.position] = left
                continue
        states[line.position] = State.DONE
    for line in read_lines(filtered):
        states[line.position] = State.FILTERED
    for line in read_lines(failures):
        if states[line.position] is State.PENDING:
            states[line.position] = State.FAILED
    return states
