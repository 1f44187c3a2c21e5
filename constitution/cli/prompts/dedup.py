"""`constitution prompts dedup`: leave out rows that say what an earlier row says."""

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


def dedup(
    files: Files,
    to: To,
    threshold: Annotated[
        float,
        typer.Option(
            help="Least Jaccard similarity, of character n-grams. 0.75 is about one word of eleven exchanged, 0.9 a "
            "typo or two; 1 leaves out the same text only."
        ),
    ] = 0.75,
    on: OnOption = On.prompt,
    column: Column = None,
    id_column: IdColumn = "id",
    split: Split = "train",
    subset: Subset = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    format: FormatOption = Format.text,
) -> None:
    """Leave out near-duplicates.

    Of rows that say the same, the first one is kept, as it stands in its file. OUT.dropped.jsonl tells which rows are
    left out, what they are duplicates of, and how like it they are. Case, signs and white space never count. The same
    input gives the same output.
    """
    from constitution.prompt_sets.dedup import dedup as leave_out
    from constitution.prompt_sets.kept import dropped_file

    reading = reading_of(column, on, id_column, split, subset)
    found = leave_out(files, to, reading, threshold, watcher(quiet), overwrite)
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
        return
    tell(f"{to}: {found.kept:,} of {found.rows:,} rows kept")
    tell(f"  left out: {found.exact:,} of the same text, {found.near:,} at least {found.threshold:g} like a kept row")
    if found.empty:
        tell(f"  without text: {found.empty:,} rows, kept")
    tell_same_ids(found.same_ids, found.same_id)
    if not quiet and found.kept < found.rows:
        tell(f"Which ones, and why: {dropped_file(to)}", err=True)
