"""`constitution view`: a run in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from constitution.cli.output import tell
from constitution.cli.remote import keep_while_used
from constitution.cli.runs import RunArgument


def view(
    context: typer.Context,
    run: RunArgument,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port of this machine; 0 is any free one. Default: 8477, or the next free one."
        ),
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who reviews. Default: the name of the system's user.")
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Review what constitution sample wrote there, in that order."),
    ] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the default browser.")] = False,
) -> None:
    """Show a run in a browser: search and read its rows, review them.

    Prints the address, which only this machine answers, and only to who knows all of it; Ctrl-C ends it. It follows
    a run that is still going on.
    """
    from constitution.reviews import check_reviewer
    from constitution.view.serve import serve

    name = check_reviewer(reviewer if reviewer is not None else _user())
    keep = keep_while_used(context, run)
    serve(run, port, name, sample, tell=_tell_now, warn=lambda text: tell(text, err=True), browser=browser, keep=keep)


def _tell_now(address: str) -> None:
    import sys

    # Whoever reads a pipe waits for it.
    tell(address)
    sys.stdout.flush()


def _user() -> str:
    import getpass

    # In containers a user may have a number only.
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reviewer"
