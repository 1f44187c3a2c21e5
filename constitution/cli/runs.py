"""`constitution status` and `constitution show`: look at a run."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, results

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)]


def status(run: RunArgument, format: FormatOption = Format.text) -> None:
    """Tell how far a run is.

    input = done + failed + filtered + pending, always.
    """
    from constitution.report.summary import summarise
    from constitution.report.terminal import print_summary

    summary = summarise(run)
    if format is Format.json:
        typer.echo(summary.model_dump_json(indent=2))
    else:
        print_summary(results(), run, summary)


def show(
    run: RunArgument,
    row: Annotated[
        str | None, typer.Argument(metavar="[ROW]", help="A row's id; the first finished row if left out.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Print one transcript.

    Prompt, initial response, critiques, revisions.
    """
    from constitution.report.terminal import find_row, print_transcript

    transcript = find_row(run, row)
    if format is Format.json:
        typer.echo(transcript.model_dump_json(indent=2))
    else:
        print_transcript(results(), transcript)
