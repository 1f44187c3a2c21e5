"""`constitution principles import`, `export`: files of other systems."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json

if TYPE_CHECKING:
    from constitution.principle_formats.contents import Dropped

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]


def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A file of another system.", show_default=False)],
    to: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The .yaml file to write; for a source of examples, a template set's folder will do.",
            show_default=False,
        ),
    ],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="auto, paper, huggingface, langchain, salmon, nemo, rbr, charactertraining, csv, text, json.",
        ),
    ] = "auto",
    name: Annotated[str, typer.Option(help="The new file's name.", show_default=False)] = "",
    description: Annotated[str, typer.Option(help="The new file's description.", show_default=False)] = "",
    few_shots: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the examples that come with principles here.", show_default=False),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the questions that come with principles here.", show_default=False),
    ] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Make a principles file, or examples of a template set, of another system's file.

    What has no place in the new file is counted, by field.
    """
    from constitution.principle_formats.importing import import_principles
    from constitution.report.terminal import plural

    made = import_principles(
        source,
        to,
        from_,
        name=name,
        description=description,
        few_shots=few_shots,
        prompts=prompts,
        overwrite=overwrite,
    )
    if format is Format.json:
        tell_json(made.model_dump_json(indent=2))
    else:
        for file in made.files:
            nouns = ("principles", "rules", "examples", "prompts")
            parts = [plural(getattr(file, noun), noun[:-1]) for noun in nouns if getattr(file, noun)]
            tell(f"{file.path}: {' and '.join(parts)}")
        tell(f"{made.source}: {made.format}, {made.shape}", err=True)
    _tell_rest(made.dropped, made.notes)


def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A .yaml file, or a shipped name; or a template set's few_shots.yaml or compare_few_shots.yaml.",
            show_default=False,
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.", show_default=False)],
    for_: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="FORMAT",
            help="paper, paper-judge, paper-cot, huggingface, langchain, salmon, nemo, rbr, csv, text, json. "
            "Without it, a FILE that ends in .csv or .txt tells.",
            show_default=False,
        ),
    ] = None,
    few_shots: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Examples to go with the principles (huggingface).", show_default=False),
    ] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Write principles, or examples of a template set, as another system's file.

    What has no place in the new file is counted, by field.
    """
    from constitution.principle_formats.exporting import export_principles

    made = export_principles(name, to, for_, few_shots=few_shots, overwrite=overwrite)
    if format is Format.json:
        tell_json(made.model_dump_json(indent=2))
    else:
        tell(f"{made.path}: {made.entries} of {made.source}, as {made.format}")
    _tell_rest(made.dropped, made.notes)


def _tell_rest(dropped: "Sequence[Dropped]", notes: Sequence[str]) -> None:
    # Of a file that says them always, and which an importer gives anew: not worth a count.
    head = ("name", "version", "description")
    counts = [f"{one.field} {one.count}" for one in dropped if one.field not in head]
    counts += ["the file's name, version and description"] if any(one.field in head for one in dropped) else []
    if counts:
        tell(f"dropped, and how often: {', '.join(counts)}", err=True)
    for note in notes:
        tell(note, err=True)
