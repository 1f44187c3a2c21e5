"""What the commands share: how rows are read, and progress on long ones."""

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import tell
from constitution.settings_help import HELP

if TYPE_CHECKING:
    from constitution.prompt_sets.reading import Reading


class On(StrEnum):
    """What of a row counts."""

    prompt = "prompt"
    row = "row"


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        help="Prompts as --prompts takes them, or rows of an export: files, folders, patterns, URLs, datasets.",
        show_default=False,
    ),
]
To = Annotated[
    Path,
    typer.Option("--to", metavar="OUT", help="The file to write: in the rows' format, or .jsonl.", show_default=False),
]
OnOption = Annotated[
    On,
    typer.Option(
        "--on", help="prompt: what the row asks, the last answer left out. row: all its text, answers included."
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME", help="The column of the text; several are joined.", show_default=False),
]
IdColumn = Annotated[str, typer.Option("--id-column", help=HELP["id_column"])]
Split = Annotated[str, typer.Option("--split", help=HELP["split"])]
Subset = Annotated[str | None, typer.Option("--subset", help=HELP["subset"], show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and no hints.")]


def reading_of(
    column: list[str] | None, on: On = On.prompt, id_column: str = "id", split: str = "train", subset: str | None = None
) -> "Reading":
    """How rows are read, by the flags."""
    from constitution.prompt_sets.reading import Reading

    return Reading(tuple(column or ()), on.value, id_column, split, subset)


def tell_same_ids(rows: int, id: str | None) -> None:
    """Say that kept rows share ids, and what to do about it."""
    if rows:
        of = "1 kept row has" if rows == 1 else f"{rows:,} kept rows have"
        tell(
            f"  {of} the id of an earlier one, first {id!r}: generate refuses them, unless ids are made unique, or from"
        )
        tell("  the content, by a name that no column has: --id-column none")


def watcher(quiet: bool) -> Callable[[str, int, int], None]:
    """Tells on stderr how far a step is, in a line every ten seconds."""
    from constitution.cli.progress import PLAIN_SECONDS

    told = time.monotonic()

    def watch(step: str, done: int, of: int) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told >= PLAIN_SECONDS:
            told = time.monotonic()
            tell(f"{done:,}/{of:,} {step}" if of else f"{done:,} {step}", err=True)

    return watch
