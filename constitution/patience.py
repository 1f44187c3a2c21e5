"""When to give up on a judge whose answers cannot be read."""

import math

from constitution.errors import ModelError
from constitution.records import Reasoning, Vote

# After this many rows without one readable answer, more of them would be a waste.
ROWS_BEFORE_GIVING_UP = 20


class Patience:
    """Ends a stage whose judge cannot be read.

    Args:
        judge: Its name.
        noun: What it is asked for.
        rows: Rows of the input.
        hint: What to try instead.
    """

    def __init__(self, judge: str, noun: str, rows: int, hint: str) -> None:
        self._judge = judge
        self._noun = noun
        self._hint = hint
        self._limit = min(ROWS_BEFORE_GIVING_UP, rows)
        self._unreadable: set[str] = set()
        self._readable = False
        self._why = ""

    @property
    def settled(self) -> bool:
        """Whether more of what earlier starts found would change nothing."""
        return self._readable or len(self._unreadable) >= self._limit

    def count(self, row: str, fault: str | None) -> None:
        """Take note of an answer.

        Args:
            row: What it is about.
            fault: Why it cannot be read; None if it can.
        """
        if fault is None:
            self._readable = True
        else:
            self._unreadable.add(row)
            self._why = fault

    def look(self) -> None:
        """Some rows have gone by.

        Raises:
            ModelError: So many that there should have been a readable answer.
        """
        if len(self._unreadable) >= self._limit:
            self.end()

    def end(self) -> None:
        """All rows have gone by.

        Raises:
            ModelError: Not one of them has a readable answer.
        """
        if self._unreadable and not self._readable:
            number = len(self._unreadable)
            raise ModelError(
                f"the judge {self._judge!r} gave no {self._noun} that can be read on "
                f"{number} {'row' if number == 1 else 'rows'}: {self._why}",
                self._hint,
            )


def unreadable(vote: Vote) -> str:
    """What is wrong with a vote."""
    last = vote.reasonings[-1] if vote.reasonings else vote
    if isinstance(last, Reasoning) and last.logprob_a is None and last.logprob_b is None:
        said = " ".join(last.completion.text.split())[-80:]
        cut = " (cut: raise --cot-tokens)" if last.completion.finish_reason == "length" else ""
        return f"its last reasoning ends without an answer{cut}: …{said}"
    if last.logprob_a is None or last.logprob_b is None:
        return "it told no log-probabilities of its answers"
    mass = math.exp(last.logprob_a) + math.exp(last.logprob_b)
    return f"A and B together have probability {mass:.2g}, below --min-mass"
