"""`constitution principles list`, `show`: what ships, and what a file holds."""

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
    from constitution.resources import shipped

    files = [(path, load_principles(str(path))) for path in sorted(shipped("principles").glob("*.yaml"))]
    if format is Format.json:
        rows = [
            {"name": path.stem, "version": s.version, "principles": len(s.principles), "path": str(path)}
            for path, s in files
        ]
        tell_json(json.dumps(rows, indent=2))
        return
    for path, loaded in files:
        tell(f"{path.stem} {loaded.version}: {len(loaded.principles)} principles. {loaded.description}\n  {path}")


def show(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Print a file's principles."""
    from constitution.principles import load_principles

    loaded = load_principles(name)
    if format is Format.json:
        tell_json(loaded.model_dump_json(indent=2))
        return
    tell(f"{loaded.name} {loaded.version}: {loaded.description}")
    for principle in loaded.principles:
        tell(f"\n{principle.id}  weight {principle.weight:g}  {', '.join(principle.tags)}")
        tell(f"  critique:   {principle.critique_request}\n  revision:   {principle.revision_request}")
        tell(f"  comparison: {principle.comparison or '(none: cannot judge)'}")
