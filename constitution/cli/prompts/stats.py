"""`constitution prompts stats`: what is in a set of prompts."""

from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.prompts.options import (
    Column,
    Files,
    IdColumn,
    On,
    OnOption,
    Quiet,
    Split,
    Subset,
    reading_of,
    watcher,
)

if TYPE_CHECKING:
    from constitution.prompt_sets.stats import ColumnStats, Lengths


def stats(
    files: Files,
    threshold: Annotated[
        float, typer.Option(help="From here on a row is a near-duplicate; see `prompts dedup`.")
    ] = 0.75,
    on: OnOption = On.prompt,
    column: Column = None,
    id_column: IdColumn = "id",
    split: Split = "train",
    subset: Subset = None,
    quiet: Quiet = False,
    format: FormatOption = Format.text,
) -> None:
    """Tell what is in a set: rows, lengths, scripts, duplicates, the values of columns, how texts begin."""
    from constitution.prompt_sets.stats import stats_of

    found = stats_of(files, reading_of(column, on, id_column, split, subset), threshold, watcher(quiet))
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
        return
    left_out = found.duplicates
    tell(f"rows: {found.rows:,}, {found.empty:,} of them empty")
    tell(f"duplicates: {left_out.exact:,} of the same text, {left_out.near:,} at least {threshold:g} like another")
    for name, lengths in (("words", found.words), ("characters", found.characters)):
        if lengths:
            tell(f"{name}: {_lengths(lengths)}")
    tell(f"scripts: {', '.join(f'{name} {count:,}' for name, count in found.scripts.items()) or 'none'}")
    for name, one in found.columns.items():
        tell(f"column {name}: {_column(one)}")
    if found.openings:
        tell("openings:")
        for opening, count in found.openings.items():
            tell(f"  {count:,} {opening} …")


def _lengths(lengths: "Lengths") -> str:
    shown = ", ".join(f"{length:,} ({share:.0%})" for share, length in lengths.quantiles.items())
    return f"{lengths.least:,} to {lengths.most:,}, mean {lengths.mean:g}; no more than {shown}"


def _column(one: "ColumnStats") -> str:
    if one.values is None:
        return f"{one.rows:,} rows, texts or over 1,000 values"
    from json import dumps

    # A value for each row tells no groups.
    if one.values == one.rows and one.values > 1:
        return f"{one.rows:,} rows, each with a value of its own"
    # In quotation marks, as a value may hold commas.
    most = ", ".join(f"{dumps(value, ensure_ascii=False)} {count:,}" for value, count in one.most.items())
    rest = one.values - len(one.most)
    return f"{one.values:,} value{'' if one.values == 1 else 's'}: {most}{f', and {rest:,} more' if rest else ''}"
