"""A run's figures and tables as files, for papers."""

from pathlib import Path

from constitution.report.findings import Findings


def write_figures(findings: Findings, folder: Path) -> tuple[Path, ...]:
    """Write each figure as NAME.svg and NAME.png, each table as NAME.csv and NAME.tex; what was written."""
    return ()
