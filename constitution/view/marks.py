"""What is known of a row in one number, so that rows are filtered and counted without opening journals."""

from collections.abc import Mapping

from constitution.counts import Counts
from constitution.records import Record
from constitution.view.schema import (
    COMPARE_FAILURES,
    COMPARE_FILTERED,
    COMPARISONS,
    FAILURES,
    FILTERED,
    GIVEN,
    SCORES,
    TRANSCRIPTS,
)

DONE, FAILED, FILTERED_OUT, CHANGED = 1, 2, 4, 8
# Of comparisons: COMPARED says that all of the row's are there; the next two are the stage's failed and filtered rows.
COMPARED, COMPARE_FAILED, COMPARE_FILTERED_OUT = 16, 32, 64
LABELLED, TIE, INCONSISTENT, INVALID = 128, 256, 512, 1024
SCORED, REVIEWED = 2048, 4096

LABELS = {"labelled": LABELLED, "tie": TIE, "inconsistent": INCONSISTENT, "invalid": INVALID}
# What the lines of a journal may have set: gone when the journal is another one.
OF_JOURNAL = {
    TRANSCRIPTS.number: DONE | CHANGED,
    FAILURES.number: FAILED,
    FILTERED.number: FILTERED_OUT,
    COMPARISONS.number: COMPARED | LABELLED | TIE | INCONSISTENT | INVALID,
    COMPARE_FAILURES.number: COMPARE_FAILED,
    COMPARE_FILTERED.number: COMPARE_FILTERED_OUT,
    SCORES.number: SCORED,
    GIVEN.number: REVIEWED,
}


class Having(Record):
    """Rows that have a status: of the marks in `of` they bear these, and no others."""

    of: int
    these: int


# A failure counts until the row is done or filtered.
STATUSES: Mapping[str, Having] = {
    "done": Having(of=DONE, these=DONE),
    "failed": Having(of=DONE | FAILED | FILTERED_OUT, these=FAILED),
    "filtered": Having(of=FILTERED_OUT, these=FILTERED_OUT),
    "changed": Having(of=DONE | CHANGED, these=DONE | CHANGED),
    "unchanged": Having(of=DONE | CHANGED, these=DONE),
    "compared": Having(of=COMPARED, these=COMPARED),
    "comparing failed": Having(of=COMPARED | COMPARE_FAILED | COMPARE_FILTERED_OUT, these=COMPARE_FAILED),
    "comparing filtered": Having(of=COMPARE_FILTERED_OUT, these=COMPARE_FILTERED_OUT),
    **{name: Having(of=mark, these=mark) for name, mark in LABELS.items()},
    "scored": Having(of=SCORED, these=SCORED),
    "reviewed": Having(of=REVIEWED, these=REVIEWED),
    "not reviewed": Having(of=REVIEWED, these=0),
}


def has(marks: int, status: str) -> bool:
    """Whether a row with these marks has a status."""
    having = STATUSES[status]
    return marks & having.of == having.these


def revise_counts(rows: int, numbers: Mapping[int, int]) -> Counts:
    """Where the rows of the SL stage are, of `rows` in all; `numbers` are rows by their marks."""
    return _counts(rows, numbers, "done", "failed", "filtered")


def compare_counts(rows: int, numbers: Mapping[int, int]) -> Counts:
    """Where the rows of the RL stage are."""
    return _counts(rows, numbers, "compared", "comparing failed", "comparing filtered")


def _counts(rows: int, numbers: Mapping[int, int], done: str, failed: str, filtered: str) -> Counts:
    found = {name: sum(n for marks, n in numbers.items() if has(marks, name)) for name in (done, failed, filtered)}
    return Counts(input=rows, done=found[done], failed=found[failed], filtered=found[filtered])
