"""What a page says of the whole run: where its rows are, how far the index is, what is damaged."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from constitution.counts import Counts
from constitution.manifest import COMPARE, REVISE, Manifest, has_stage, load_manifest
from constitution.principles import Principle
from constitution.records import Record
from constitution.view.index import Index
from constitution.view.marks import compare_counts, revise_counts
from constitution.view.schema import JOURNALS


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
        reading: How far the index is, while it is behind.
        faults: Of journals that are damaged.
    """

    rows: int
    revised: Counts | None
    compared: Counts | None
    reading: str
    faults: tuple[Fault, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The equations."""
        made = []
        if self.revised:
            made.append(self.revised.equation)
        if self.compared:
            made.append(f"comparing: {self.compared.equation}")
        return tuple(made)


class Principles(Record):
    """The principles of a run's stages, by id.

    Attributes:
        revising: Of the SL stage.
        comparing: Of the RL stage.
    """

    revising: Mapping[str, Principle]
    comparing: Mapping[str, Principle]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of both."""
        return tuple(dict.fromkeys([*self.revising, *self.comparing]))

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, sorted."""
        both = (*self.revising.values(), *self.comparing.values())
        return tuple(sorted({tag for principle in both for tag in principle.tags}))

    def tagged(self, tag: str) -> list[str]:
        """Ids of the principles that bear a tag."""
        both = [*self.revising.values(), *self.comparing.values()]
        return [principle.id for principle in both if tag in principle.tags]


def read_principles(run: Path) -> Principles:
    """The principles as they were when the stages began.

    Raises:
        RunError: A manifest is damaged.
    """
    stages = (REVISE, COMPARE)
    revising, comparing = (_by_id(load_manifest(run, one)) if has_stage(run, one) else {} for one in stages)
    return Principles(revising=revising, comparing=comparing)


def _by_id(manifest: Manifest) -> dict[str, Principle]:
    return {one.id: one for one in manifest.principles.principles} if manifest.principles else {}


def read_overview(index: Index, connection: sqlite3.Connection) -> Overview:
    """Ask the index, and the manifests.

    Raises:
        RunError: A manifest is damaged.
    """
    run = index.run
    numbers = dict(connection.execute("SELECT marks, count(*) FROM rows GROUP BY marks").fetchall())
    revised = revise_counts(load_manifest(run, REVISE).input, numbers) if has_stage(run, REVISE) else None
    compared = compare_counts(load_manifest(run, COMPARE).input, numbers) if has_stage(run, COMPARE) else None
    faults = connection.execute("SELECT fault, hint FROM journals WHERE fault <> '' ORDER BY number").fetchall()
    if index.fault:
        faults.append((index.fault, "Pages show what was indexed before that. Make room, then start the view again."))
    return Overview(
        rows=sum(numbers.values()),
        revised=revised,
        compared=compared,
        reading=_reading(run, connection),
        faults=tuple(Fault(message=message, hint=hint) for message, hint in faults),
    )


def _reading(run: Path, connection: sqlite3.Connection) -> str:
    """How far the first journal that is behind is read; how many lines it has is known by its bytes only."""
    known = {
        number: (offset, lines, seen, fault)
        for number, offset, lines, seen, fault in connection.execute(
            "SELECT number, offset, lines, seen, fault FROM journals"
        )
    }
    for journal in JOURNALS:
        path = run / journal.file
        size = path.stat().st_size if path.exists() else 0
        offset, lines, seen, fault = known.get(journal.number, (0, 0, 0, ""))
        if fault or size <= max(offset, seen):
            continue
        if not lines:
            return f"Indexing {journal.file} has just begun"
        return f"Indexed {lines:,} of about {round(lines * size / offset):,} lines of {journal.file} so far"
    return ""
