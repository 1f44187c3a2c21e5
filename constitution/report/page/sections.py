"""The parts of a report, in their order, and which figures belong to each."""

from collections.abc import Mapping

from constitution.plots import Figure
from constitution.records import Record
from constitution.report.findings import Findings

EXAMPLES = "examples"
# By the part's id: its title, and how the names of its figures begin.
PARTS = {
    "rows": ("Rows", ()),
    "revisions": ("Revision by revision", ("harmlessness", "reward", "length", "change", "refusals")),
    "gates": ("Quality gates", ()),
    "principles": ("Principles", ("principles",)),
    "judge": ("The judge", ("judge", "reliability")),
    "people": ("People", ("agreement",)),
    "rules": ("Scores by rules", ("rules",)),
    "failures": ("Failures", ("failures",)),
    "cost": ("Tokens and time", ("tokens", "time")),
    EXAMPLES: ("Examples", ()),
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
        "gates": findings.gates is None,
        "rules": findings.scores is None,
    }
    return tuple(
        Section(
            id=id,
            title="Rewards" if id == "rules" and findings.scores and not findings.scores.rules else title,
            figures=tuple(figure for name, figure in drawn.items() if name.startswith(begins)),
        )
        for id, (title, begins) in PARTS.items()
        if not absent.get(id)
    )
