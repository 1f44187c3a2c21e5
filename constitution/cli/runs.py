"""`constitution status` and `constitution show`: look at a run."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, results, tell_json

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)]


def status(run: RunArgument, format: FormatOption = Format.text) -> None:
    """Tell how far a run is.

    input = done + failed + filtered + pending, always.
    """
    from constitution.manifest import COMPARE, REVISE, has_stage
    from constitution.report.labels import summarise_labels
    from constitution.report.summary import summarise
    from constitution.report.terminal import as_json, print_labels, print_summary

    # A run made of a file of pairs has comparisons only.
    compared = summarise_labels(run) if has_stage(run, COMPARE) else None
    revised = summarise(run) if has_stage(run, REVISE) or compared is None else None
    if format is Format.json:
        tell_json(as_json(revised, compared))
        return
    if revised:
        print_summary(results(), run, revised)
    if compared:
        print_labels(results(), run, compared)


def show(
    run: RunArgument,
    row: Annotated[
        str | None, typer.Argument(metavar="[ROW]", help="A row's id; the first finished row if left out.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Print one row.

    Prompt, initial response, critiques, revisions; then the responses that were compared, with their labels.
    """
    import json

    from constitution.errors import RunError
    from constitution.manifest import COMPARE, REVISE, has_stage
    from constitution.report.terminal import (
        find_comparisons,
        find_row,
        print_comparisons,
        print_prompt,
        print_transcript,
    )

    compared = find_comparisons(run, row)
    # A run made of a file of pairs has comparisons only.
    if not compared and has_stage(run, COMPARE) and not has_stage(run, REVISE):
        raise RunError(f"{run}: no compared row {row!r}" if row else f"{run}: no row is compared yet")
    transcript = find_row(run, row) if has_stage(run, REVISE) or not compared else None
    if transcript and row is None:
        compared = find_comparisons(run, transcript.id)
    if format is Format.json:
        shown = transcript.model_dump(mode="json") if transcript else {}
        second = {"comparisons": [one.model_dump(mode="json") for one in compared]} if compared else {}
        tell_json(json.dumps(shown | second, indent=2))
        return
    if transcript:
        print_transcript(results(), transcript)
    else:
        print_prompt(results(), compared[0].row, compared[0].prompt)
    print_comparisons(results(), compared)
