"""`constitution principles list`, `show`, `check`: what ships, and what a file holds."""

from typing import Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json

NameArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A .yaml file, or a shipped name.", show_default=False)
]


def list_shipped(format: FormatOption = Format.text) -> None:
    """List the principles files that ship with the program."""
    import json

    from constitution.principles import load_principles
    from constitution.report.terminal import plural
    from constitution.resources import shipped

    files = [(path, load_principles(str(path))) for path in sorted(shipped("principles").glob("*.yaml"))]
    if format is Format.json:
        rows = [
            {
                "name": path.stem,
                "version": s.version,
                "principles": len(s.principles),
                "rules": len(s.rules),
                "path": str(path),
            }
            for path, s in files
        ]
        tell_json(json.dumps(rows, indent=2))
        return
    for path, loaded in files:
        counts = [(len(loaded.principles), "principle"), (len(loaded.rules), "rule")]
        held = ", ".join(plural(number, noun) for number, noun in counts if number)
        tell(f"{path.stem} {loaded.version}: {held}. {loaded.description}\n  {path}")


def show(
    name: NameArgument,
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of a principle or a rule.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Print a file as it is, or one entry of it with its comments.

    As JSON: what it says, without comments.
    """
    from constitution.errors import PrinciplesError
    from constitution.principle_files.places import hold
    from constitution.principle_files.typed import entry_shown
    from constitution.principles import find_principles, load_file
    from constitution.yamlfile import as_parsed, read_text

    path = find_principles(name)
    if id is None and format is Format.json:
        tell_json(load_file(name).model_dump_json(indent=2))
        return
    text = read_text(path, PrinciplesError)
    if id is None:
        # One that is broken too: it is what is to be mended.
        tell(text.removeprefix("\ufeff").removesuffix("\n"))
        return
    file = hold(path, text)
    if format is Format.json:
        tell_json(file.place(id).entry.model_dump_json(indent=2))
    else:
        tell(as_parsed(entry_shown(file, id)).removesuffix("\n"))
