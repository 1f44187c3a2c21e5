"""`constitution export`: training data from a run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption
from constitution.cli.runs import RunArgument


class Revisions(StrEnum):
    """Which revisions become sft rows."""

    final = "final"
    all = "all"


def export(
    run: RunArgument,
    to: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    revisions: Annotated[Revisions, typer.Option(help="Which revisions become sft rows.")] = Revisions.final,
    test_fraction: Annotated[float, typer.Option(help="Share of prompts held out.")] = 0.1,
    split_seed: Annotated[int, typer.Option(help="Changes which prompts are held out.")] = 0,
    whole_only: Annotated[
        bool, typer.Option("--whole-only", help="Leave out rows with an answer cut at max_tokens.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Write training data from a run.

    `sft` and `preference` as JSONL that `datasets` and TRL load as it is.
    """
    from constitution.exports import export as run_export
    from constitution.report.terminal import plural

    exported = run_export(
        run,
        to,
        revisions=revisions.value,
        test_fraction=test_fraction,
        split_seed=split_seed,
        whole_only=whole_only,
        overwrite=overwrite,
    )
    if format is Format.json:
        typer.echo(exported.model_dump_json(indent=2))
        return
    for kind, splits in exported.rows.items():
        for split, rows in splits.items():
            typer.echo(f"{Path(exported.folder) / kind / f'{split}.jsonl'}: {plural(rows, 'row')}")
    for reason, number in exported.dropped.items():
        typer.echo(f"left out, {reason}: {number}")
    if exported.cut:
        typer.echo(f"{exported.cut} of these prompts have an answer cut at max_tokens (leave them out: --whole-only)")
    if exported.counts.done < exported.counts.input:
        typer.echo(f"the run is not whole: {exported.counts.equation}")
    kinds = " or ".join(f'"{kind}"' for kind in exported.rows)
    typer.echo(f'Load it: datasets.load_dataset("{exported.folder}", {kinds})', err=True)
