"""What is drawn of a run's findings."""

from constitution.plots import Figure, Table
from constitution.report.findings import Findings


def figures(findings: Findings) -> tuple[Figure, ...]:
    """A run's figures; one without data is left out."""
    return ()


def tables(findings: Findings) -> tuple[Table, ...]:
    """A run's tables; one without rows is left out."""
    return ()
