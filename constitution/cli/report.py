"""`constitution report`: what a run tells, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.runs import RunArgument


def report(
    run: RunArgument,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The file to write, or its URL. Default: report.html in the run's folder."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the figures there too, as SVG and PNG, and the tables as CSV and LaTeX."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is no report.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Write what a run tells as one HTML file.

    Rows, harmlessness by revision, length, change, refusals, principles, the judge's health, people's reviews,
    failures, time, and examples with what each revision changed. It loads nothing and runs no script: it can be sent
    around. An older report is replaced; a run that is not finished gives one of what is there.
    """
    from rich.console import Console

    from constitution.remote.addresses import masked
    from constitution.remote.publishing import file_for
    from constitution.report.page.writing import NAME, write_report

    # On a terminal only: the transcripts of 100,000 rows take two minutes.
    with Console(stderr=True).status("reading the run"), file_for(out or str(run / NAME)) as path:
        written = write_report(run, path, figures, overwrite)
    for note in written.notes:
        tell(f"warning: {note}", err=True)
    if format is Format.json:
        tell_json(written.findings.model_dump_json(indent=2))
        return
    tell(f"report: {masked(out) if out else written.path} ({written.size / 1000:,.0f} kB)")
    for stage in written.findings.stages:
        tell(f"  {stage.name}: {stage.counts.equation}")
    for path in written.figures:
        tell(f"figure: {path}")
    for warning in written.findings.warnings:
        tell(f"warning: {warning.told}")
