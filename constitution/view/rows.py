"""Rows as their journals tell them, found by the index."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import JsonValue

from constitution.errors import RunError
from constitution.journal import read_line
from constitution.records import Comparison, Failure, Filtered, Message, Record, Transcript
from constitution.reviews import Review
from constitution.score_records import Scores
from constitution.view.overview import Principles
from constitution.view.schema import (
    COMPARE_FAILURES,
    COMPARE_FILTERED,
    COMPARISONS,
    FAILURES,
    FILTERED,
    GIVEN,
    JOURNALS,
    SCORE_FAILURES,
    SCORE_FILTERED,
    SCORES,
    TRANSCRIPTS,
    Followed,
)
from constitution.view.searching import Found, Wanted

AnyRecord = TypeVar("AnyRecord", bound=Record)
# Characters of a prompt that a list shows.
MOST_SHOWN = 240


@dataclass
class Row:
    """All that a run's journals say of a row.

    Attributes:
        found: The row as the index knows it.
        records: By journal; of journals that do not tell of it none.
        faults: Of lines that cannot be read.
    """

    found: Found
    records: dict[str, list[Record]] = field(default_factory=dict)
    faults: list[RunError] = field(default_factory=list)

    @property
    def transcript(self) -> Transcript | None:
        """The SL stage's, if the row is done."""
        return next(iter(self._of(TRANSCRIPTS, Transcript)), None)

    @property
    def comparisons(self) -> list[Comparison]:
        """In the order in which they were made."""
        return self._of(COMPARISONS, Comparison)

    @property
    def failures(self) -> list[Failure]:
        """Of all stages, those that a later try made good included."""
        return [one for journal in (FAILURES, COMPARE_FAILURES, SCORE_FAILURES) for one in self._of(journal, Failure)]

    @property
    def filtered(self) -> list[Filtered]:
        """Of all stages."""
        return [one for journal in (FILTERED, COMPARE_FILTERED, SCORE_FILTERED) for one in self._of(journal, Filtered)]

    @property
    def scores(self) -> Scores | None:
        """What the rules say of its responses."""
        return next(iter(self._of(SCORES, Scores)), None)

    @property
    def reviews(self) -> list[Review]:
        """What people said, in the order in which they did."""
        return self._of(GIVEN, Review)

    @property
    def prompt(self) -> Sequence[Message]:
        """What it asks; empty if no journal tells it, as of rows that failed."""
        return self._told.prompt if self._told else ()

    @property
    def metadata(self) -> Mapping[str, JsonValue]:
        """The row's other columns."""
        return self._told.metadata if self._told else {}

    @property
    def start(self) -> str:
        """The start of what it asks, in one line; if that is not known, why it failed."""
        why = [*(one.message for one in self.failures), *(one.message for one in self.filtered)]
        known = self.prompt[-1].content if self.prompt else next(iter(why), "")
        text = " ".join(known[: MOST_SHOWN * 2].split())
        return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"

    @property
    def _told(self) -> Transcript | Comparison | Scores | None:
        return self.transcript or next(iter(self.comparisons), None) or self.scores

    def _of(self, journal: Followed, kind: type[AnyRecord]) -> list[AnyRecord]:
        return [one for one in self.records.get(journal.file, ()) if isinstance(one, kind)]


def read_rows(run: Path, connection: sqlite3.Connection, found: Sequence[Found], most: int | None = None) -> list[Row]:
    """What the journals say of these rows.

    Args:
        run: The run's folder.
        connection: To the index.
        found: The rows, in the order in which they are wanted.
        most: Lines of each journal for a row; None is all.
    """
    rows = {one.number: Row(one) for one in found}
    files = {journal.number: journal for journal in JOURNALS}
    marks = ", ".join("?" * len(rows))
    lines = connection.execute(
        f"SELECT row, journal, offset FROM lines WHERE row IN ({marks}) ORDER BY row, journal, offset", list(rows)
    )
    for number, which, offset in lines:
        row, journal = rows[number], files[which]
        kept = row.records.setdefault(journal.file, [])
        if most is not None and len(kept) >= most:
            continue
        path = run / journal.file
        try:
            record = read_line(path, offset, journal.kind)
        except (RunError, OSError) as bad:
            row.faults.append(bad if isinstance(bad, RunError) else RunError(f"{path}: cannot be read: {bad.strerror}"))
            continue
        # While a stage begins anew, another row's line may stand there.
        if row.found.id == getattr(record, "row", None) or row.found.id == getattr(record, "id", None):
            kept.append(record)
    return list(rows.values())


class Labels(NamedTuple):
    """The least and the greatest p of a row's comparisons."""

    low: float
    high: float


def read_labels(connection: sqlite3.Connection, found: Sequence[Found], wanted: Wanted) -> dict[int, Labels]:
    """Of rows by their number: what the AI says of their comparisons; where p is asked for, of those that have it."""
    labels = connection.execute(
        f"SELECT row, min(p), max(p) FROM lines WHERE row IN ({', '.join('?' * len(found))}) AND journal = ? "
        "AND p BETWEEN ? AND ? GROUP BY row",
        [*(one.number for one in found), COMPARISONS.number, *wanted.between],
    )
    return {number: Labels(low, high) for number, low, high in labels}


def read_drawn(connection: sqlite3.Connection, found: Sequence[Found], principles: Principles) -> dict[int, list[str]]:
    """Of rows by their number: which principles were drawn for them (see `Principles.drawn`)."""
    ids = list(principles.drawn)
    drawn: dict[int, list[str]] = {}
    for row, principle in connection.execute(
        f"SELECT row, principle FROM drawn WHERE principle IN ({', '.join('?' * len(ids))}) "
        f"AND row IN ({', '.join('?' * len(found))}) AND journal = ?",
        [*ids, *(one.number for one in found), principles.journal.number],
    ):
        drawn.setdefault(row, []).append(principle)
    return drawn


def find(connection: sqlite3.Connection, id: str) -> Found | None:
    """The row with that id."""
    found = connection.execute("SELECT number, id, position, marks FROM rows WHERE id = ?", (id,)).fetchone()
    return Found(*found) if found else None
