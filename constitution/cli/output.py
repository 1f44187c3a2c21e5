"""Results go to stdout, as text or JSON; everything else goes to stderr."""

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.printable import ascii_json, printable

if TYPE_CHECKING:
    from rich.console import Console


class Format(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


def tell(text: object, err: bool = False) -> None:
    """Print lines, on stdout or stderr; what rows, models and files put into them cannot steer the terminal."""
    typer.echo(printable(str(text)), err=err)


def tell_json(text: str) -> None:
    """Print a result that is JSON text, on stdout."""
    typer.echo(ascii_json(text))


def tell_data(text: str, lines_of_json: bool = False) -> None:
    """Print data on stdout: lines that hold no more than `tell` would print, or JSON that is as safe.

    A reader that leaves early (head, less) is no error.
    """
    try:
        sys.stdout.write(ascii_json(text) if lines_of_json else printable(text))
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more as it ends: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def results() -> "Console":
    """Stdout. A reader that leaves early (head, less) is no error."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            # Python flushes stdout once more as it ends: give it somewhere to go.
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return Results()
