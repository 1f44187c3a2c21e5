"""What a page says of the whole run: where its rows are, how far the index is, what is damaged."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from constitution.counts import Counts
from constitution.journal import size_of
from constitution.manifest import COMPARE, REVISE, Manifest, Stage, find_manifest
from constitution.principles import Principle
from constitution.records import Record
from constitution.view.index import Index
from constitution.view.marks import compare_counts, revise_counts
from constitution.view.schema import COMPARISONS, JOURNALS, TRANSCRIPTS, Followed


class Fault(Record):
    """Why a journal cannot be read on, and what to do."""

    message: str
    hint: str


class Overview(Record):
    """A run, as its index knows it now.

    Attributes:
        rows: How many rows something is known of.
        revised: Where the rows of the SL stage are; None: the run has no such stage.
        compared: Likewise of the RL stage.
        revising_fault: The journal of the SL stage that cannot be read on, so that its counts tell nothing; else empty.
        comparing_fault: Likewise of the RL stage.
        reading: How far the index is, while it is behind.
        faults: Of journals that are damaged.
    """

    rows: int
    revised: Counts | None
    compared: Counts | None
    revising_fault: str
    comparing_fault: str
    reading: str
    faults: tuple[Fault, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The equations; of a stage with a damaged journal, that there is none."""
        made = []
        if self.revised:
            made.append(_untold("revising", self.revising_fault) or self.revised.equation)
        if self.compared:
            made.append(_untold("comparing", self.comparing_fault) or f"comparing: {self.compared.equation}")
        return tuple(made)


def _untold(stage: str, file: str) -> str:
    return f"{stage}: cannot be told: {file} is damaged, see below" if file else ""


class Principles(Record):
    """The principles of a run's stages, by id.

    Many judges vote under all of them on every row: that tells rows apart less than what they were revised under.

    Attributes:
        revising: Of the SL stage.
        comparing: Of the RL stage.
    """

    revising: Mapping[str, Principle]
    comparing: Mapping[str, Principle]

    @property
    def drawn(self) -> Mapping[str, Principle]:
        """Those that a list shows of its rows: they were revised under them, or judged if the run revises nothing."""
        return self.revising or self.comparing

    @property
    def journal(self) -> Followed:
        """Which tells where those were drawn."""
        return TRANSCRIPTS if self.revising else COMPARISONS

    @property
    def judging(self) -> Mapping[str, Principle]:
        """The judge's, where they are not those."""
        return self.comparing if self.revising else {}

    @property
    def tags(self) -> tuple[str, ...]:
        """Of those that were drawn, sorted."""
        return tuple(sorted({tag for principle in self.drawn.values() for tag in principle.tags}))

    def tagged(self, tag: str) -> list[str]:
        """Ids of the drawn ones that bear a tag."""
        return [principle.id for principle in self.drawn.values() if tag in principle.tags]


def read_principles(run: Path) -> Principles:
    """The principles as they were when the stages began.

    Raises:
        RunError: A manifest is damaged.
    """
    stages = (REVISE, COMPARE)
    revising, comparing = (_by_id(find_manifest(run, one)) for one in stages)
    return Principles(revising=revising, comparing=comparing)


def _by_id(manifest: Manifest | None) -> dict[str, Principle]:
    return {one.id: one for one in manifest.principles.principles} if manifest and manifest.principles else {}


def read_overview(index: Index, connection: sqlite3.Connection) -> Overview:
    """Ask the index, and the manifests.

    Raises:
        RunError: A manifest is damaged.
    """
    run = index.run
    numbers = dict(connection.execute("SELECT marks, count(*) FROM rows GROUP BY marks").fetchall())
    revising, comparing = find_manifest(run, REVISE), find_manifest(run, COMPARE)
    revised = revise_counts(revising.input, numbers) if revising else None
    compared = compare_counts(comparing.input, numbers) if comparing else None
    known = connection.execute("SELECT number, fault, hint FROM journals WHERE fault <> '' ORDER BY number").fetchall()
    damaged = [number for number, _, _ in known]
    faults = [(fault, hint) for _, fault, hint in known]
    if index.fault:
        faults.append((index.fault, "Pages show what was indexed before that. Make room, then start the view again."))
    return Overview(
        rows=sum(numbers.values()),
        revised=revised,
        compared=compared,
        revising_fault=_first_of(REVISE, damaged),
        comparing_fault=_first_of(COMPARE, damaged),
        reading=_reading(run, connection),
        faults=tuple(Fault(message=message, hint=hint) for message, hint in faults),
    )


def _first_of(stage: Stage, damaged: Sequence[int]) -> str:
    return next((one.file for one in JOURNALS if one.stage == stage and one.number in damaged), "")


def _reading(run: Path, connection: sqlite3.Connection) -> str:
    """How far the first journal that is behind is read; how many lines it has is known by its bytes only."""
    known = {
        number: (offset, lines, seen, fault)
        for number, offset, lines, seen, fault in connection.execute(
            "SELECT number, offset, lines, seen, fault FROM journals"
        )
    }
    for journal in JOURNALS:
        size = size_of(run / journal.file)
        offset, lines, seen, fault = known.get(journal.number, (0, 0, 0, ""))
        if fault or size <= max(offset, seen):
            continue
        if not lines:
            return f"Indexing {journal.file} has just begun"
        return f"Indexed {lines:,} of about {round(lines * size / offset):,} lines of {journal.file} so far"
    return ""
