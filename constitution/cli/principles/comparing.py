"""`constitution principles diff`: what differs between two files."""

from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, results, tell_json


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A .yaml file, or a shipped name.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Likewise.", show_default=False)],
    format: FormatOption = Format.text,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 6 if they differ.")] = False,
) -> None:
    """Show what differs between two principles files, word by word.

    Principles and rules that were added, removed, changed, renamed or moved. One that has another id is recognised by
    its texts, and how alike they are is told. Without colours, removed words are [-so-] and added ones {+so+}.
    Comments and layout do not count.
    """
    from constitution.principle_diff import compare_sets
    from constitution.principles import find_principles, load_file
    from constitution.report.differences import print_difference

    names = (str(find_principles(first)), str(find_principles(second)))
    found = compare_sets(load_file(first), load_file(second), names)
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
    else:
        print_difference(results(), found)
    if exit_code and not found.empty:
        raise typer.Exit(6)
