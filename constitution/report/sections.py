"""The parts of a report, in their order, and which figures belong to each."""

from collections.abc import Mapping

from constitution.plots import Figure
from constitution.records import Record
from constitution.report.findings import Findings

# By the part's id: its title, and how the names of its figures begin.
PARTS = {
    "rows": ("Rows", ()),
    "revisions": ("Revision by revision", ("harmlessness", "reward", "length", "change", "refusals")),
    "principles": ("Principles", ("principle",)),
    "judge": ("The judge", ("judge", "labels", "orders", "reliability")),
    "people": ("People", ("agreement", "people", "reviewers")),
    "rules": ("Scores by rules", ("rule", "score")),
    "failures": ("Failures", ("failure",)),
    "cost": ("Tokens and time", ("tokens", "time", "steps")),
    "examples": ("Examples", ()),
    "about": ("How this was made", ()),
}


class Section(Record):
    """One part: what it is called in addresses and on the page, and its figures."""

    id: str
    title: str
    figures: tuple[Figure, ...]


def sections(findings: Findings, drawn: Mapping[str, Figure]) -> tuple[Section, ...]:
    """The parts that this run has: those that say nothing, not even how to make it, are left out."""
    absent = {
        "revisions": not findings.revisions,
        "rules": findings.scores is None,
    }
    return tuple(
        Section(
            id=id,
            title=title,
            figures=tuple(figure for name, figure in drawn.items() if name.startswith(begins)),
        )
        for id, (title, begins) in PARTS.items()
        if not absent.get(id)
    )
