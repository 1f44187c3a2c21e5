"""Results go to stdout, as text or JSON; everything else goes to stderr."""

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Format(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


def results() -> "Console":
    """Stdout. A reader that leaves early (head, less) is no error."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            # Python flushes stdout once more as it ends: give it somewhere to go.
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return Results()
