"""What a report's figures share."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from constitution.intervals import Estimate
from constitution.plots import Bar, Point
from constitution.report.findings import Findings, StageName

Kind = TypeVar("Kind")
# More bars than these are no picture any more: those that most is known of are drawn.
MOST_BARS = 60
INTERVALS = "Intervals are 95%; rows of one prompt are one cluster."


def model_of(findings: Findings, stage: StageName) -> str:
    """The name of a stage's model, of all but the first the judge's; `unknown` if the run has no such stage."""
    return next((one.model for one in findings.stages if one.name == stage), "unknown")


def bars_of(named: Iterable[tuple[str, Estimate | None]]) -> tuple[Bar, ...]:
    """Bars of those that there is an estimate of."""
    return tuple(
        Bar(name=name, value=one.value, low=one.low, high=one.high, n=one.n) for name, one in named if one is not None
    )


def most(kept: Sequence[Kind], of: Callable[[Kind], int]) -> tuple[list[Kind], str]:
    """The things that most is known of, in their order, and what a caption says of the others."""
    if len(kept) <= MOST_BARS:
        return list(kept), ""
    known = sorted(range(len(kept)), key=lambda number: -of(kept[number]))[:MOST_BARS]
    return [kept[number] for number in sorted(known)], f" The {MOST_BARS} of {len(kept)} that most is known of."


def counted(drawn: Iterable[Bar | Point]) -> str:
    """How many observations bars or points come from."""
    numbers = [one.n for one in drawn if one.n is not None]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return f"n = {low:,} for each." if low == high else f"n = {low:,} to {high:,}."
