"""`constitution prompts decontaminate`: leave out rows that hold what evaluations ask."""

from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.prompts.options import (
    Column,
    Files,
    IdColumn,
    On,
    OnOption,
    Overwrite,
    Quiet,
    Split,
    Subset,
    To,
    reading_of,
    tell_same_ids,
    watcher,
)


def decontaminate(
    files: Files,
    to: To,
    against: Annotated[
        list[str],
        typer.Option(metavar="EVAL", help="An evaluation's prompts, as FILE; may be repeated.", show_default=False),
    ],
    against_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The column of an evaluation's prompts, where it has one of that name.",
            show_default=False,
        ),
    ] = None,
    ngram: Annotated[
        int, typer.Option(help="Words in a row that may not be shared; in scripts without spaces, twice as many signs.")
    ] = 8,
    on: OnOption = On.prompt,
    column: Column = None,
    id_column: IdColumn = "id",
    split: Split = "train",
    subset: Subset = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    format: FormatOption = Format.text,
) -> None:
    """Leave out rows that share a run of words with an evaluation's prompt.

    An evaluation's prompt of fewer words is looked for whole. Case, signs and white space never count.
    OUT.dropped.jsonl tells which rows are left out, and which prompt they share what with. To look into answers, too:
    --on row.
    """
    from constitution.prompt_sets.decontaminate import decontaminate as leave_out
    from constitution.prompt_sets.kept import dropped_file

    reading = reading_of(column, on, id_column, split, subset)
    columns = tuple(against_column or ())
    found = leave_out(files, against, to, reading, columns, ngram, watcher(quiet), overwrite)
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
        return
    tell(f"{to}: {found.kept:,} of {found.rows:,} rows kept")
    for one in found.evaluations:
        tell(f"  {one.file}: {one.found:,} of {one.prompts:,} prompts found, {one.rows:,} rows left out")
    tell_same_ids(found.same_ids, found.same_id)
    if not quiet and found.kept < found.rows:
        tell(f"Which ones, and why: {dropped_file(to)}", err=True)
