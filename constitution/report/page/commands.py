"""What makes that which a run's findings lack, as it is typed."""

from constitution.errors import command
from constitution.records import Record
from constitution.report.findings import Findings


class Commands(Record):
    """Commands by what they give.

    Attributes:
        better: Whether revisions are better than initial responses.
        judged: Comparisons.
        gold: How often the judge agrees with people.
        reviewed: Reviews.
        named: Who the reviewers are.
        row: One row.
        sampled: Rows to read, drawn and not picked.
    """

    better: str
    judged: str
    gold: str
    reviewed: str
    named: str
    row: str
    sampled: str


def commands(findings: Findings, run: str) -> Commands:
    """The commands for this run; `run` is its folder as it is typed."""
    rounds = max((one.number for one in findings.revisions), default=0)
    # Other comparisons are set aside for these.
    others = ("--replace",) if any(stage.name == "RL stage" for stage in findings.stages) else ()
    return Commands(
        better=command("compare", run, "--pairs", "revisions", "--between", "all" if rounds > 1 else "0:last", *others),
        judged=command("compare", run),
        gold=command("audit", run, "--gold", "FILE"),
        reviewed=command("view", run),
        named=command("audit", run),
        row=command("show", run, "ROW"),
        sampled=command("sample", run),
    )
