"""Runs at URLs, as commands take them."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import tell
from constitution.remote.addresses import is_url

if TYPE_CHECKING:
    from constitution.remote.mirror import Mirror


class PieceFormat(StrEnum):
    """How outcomes are stored at a URL."""

    jsonl = "jsonl"
    parquet = "parquet"


PieceFormatOption = Annotated[
    PieceFormat,
    typer.Option("--piece-format", help="How a run's outcomes are stored at a URL; the run's other files stay JSON."),
]


def run_folder(name: str) -> Path:
    """A run's folder; of a URL, its working copy, brought up to date.

    Raises:
        RunError: There is no run at the URL, or the copy and it went different ways.
    """
    return _folder(name, new=False)


def new_folder(name: str) -> Path:
    """The same of a run that need not be there yet."""
    return _folder(name, new=True)


def _folder(name: str, new: bool) -> Path:
    if not is_url(name):
        return Path(name)
    from constitution.remote.copies import local_folder

    return local_folder(name, new)


def named(run: Path) -> str:
    """A run as people call it: by its URL, if it has one."""
    from constitution.remote.copies import name_of

    return name_of(run)


def check_unwritten(run: Path) -> None:
    """See that no other machine writes the run at its URL, if it has one.

    Raises:
        RunError: One does; names it.
        Unreachable: The URL cannot be read.
    """
    from constitution.remote.copies import copy_in

    if copy := copy_in(run):
        from constitution.remote.folder import RemoteFolder
        from constitution.remote.holder import check_free, read_holder

        folder = RemoteFolder(copy.url)
        check_free(folder, read_holder(folder), copy.link.writer)


def keep(
    context: typer.Context, run: Path, form: PieceFormat = PieceFormat.jsonl, quiet: bool = False
) -> "Mirror | None":
    """Keep the run's URL up to date, if it has one, until the command ends.

    Raises:
        RunError: The URL cannot be written, or another process writes there.
    """
    from constitution.remote.keeping import mirrored

    def warn(line: str) -> None:
        if not quiet or line.startswith("warning"):
            tell(line, err=True)

    return context.with_resource(mirrored(run, form.value, warn))


def keep_while_used(context: typer.Context, run: Path) -> Callable[[], None]:
    """What has a run's URL kept up to date for a while whenever it is called: who only reads needs no right to."""
    from constitution.remote.while_used import kept_while_used

    return context.with_resource(kept_while_used(run, lambda line: tell(line, err=True)))
