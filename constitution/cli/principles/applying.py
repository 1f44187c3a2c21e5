"""What all edits of a principles file share at the terminal: the diff, writing, and the way by the user's editor."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, results, tell, tell_json
from constitution.errors import PrinciplesError, command
from constitution.printable import printable

if TYPE_CHECKING:
    from constitution.principle_files.places import HeldFile
    from constitution.principle_files.saving import DiskFile

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A principles file.", show_default=False)]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")]
COLOURS = {"+": "green", "-": "red", "@": "cyan", "\\": "dim"}


def held(disk: "DiskFile") -> "HeldFile":
    """The file's parts; refused if it is broken."""
    from constitution.principle_files.places import hold

    return hold(disk.path, disk.text)


def finish(disk: "DiskFile", text: str, dry_run: bool, format: Format) -> None:
    """Show what changes, and write it."""
    import json

    from constitution.principle_files.changes import unified
    from constitution.principle_files.saving import save

    lines = unified(disk.text, text, disk.path.name)
    written = bool(lines) and not dry_run
    # First, so that what is shown as written is.
    if written:
        save(disk, text)
    if format is Format.json:
        tell_json(json.dumps({"file": str(disk.path), "written": written, "diff": "\n".join(lines)}))
    else:
        _show(lines)
    if not lines:
        tell(f"{disk.path}: it says that already, nothing to change", err=True)
    else:
        tell(f"{disk.path}: written" if written else f"{disk.path}: dry run, nothing written", err=True)


def _show(lines: list[str]) -> None:
    from rich.text import Text

    console = results()
    for number, line in enumerate(lines):
        style = "bold" if number < 2 else COLOURS.get(line[:1], "")
        console.print(Text(printable(line), style=style), soft_wrap=True)


def by_editor(
    disk: "DiskFile", begun: str, make: Callable[[str, str], str], words: tuple[str, ...], dry_run: bool, format: Format
) -> bool:
    """Let the user edit a text, and the file with it; nothing that was typed is lost.

    Args:
        disk: The file.
        begun: What the editor is opened on.
        make: Makes the file's new text of what was typed and what errors call it.
        words: The command that takes what was typed, if `--from-text` follows.
        dry_run: Write nothing.
        format: Of the result.

    Returns:
        Whether anything was typed.
    """
    from constitution.principle_files.editor import begin, edit, forget

    typed = begin(begun, disk.path.name)
    kept = f"What was typed is kept: {command(*words, '--from-text', typed.path)}"
    while True:
        try:
            typed = edit(typed)
            if typed.text == typed.begun:
                break
            text = make(typed.text, str(typed.path))
            break
        except PrinciplesError as bad:
            # An editor that failed has its own words for where the text is.
            if typed.text == typed.begun or not typed.path.is_file():
                raise
            if not sys.stdin.isatty():
                raise PrinciplesError(bad.message, f"{bad.hint}\n  {kept}".lstrip()) from None
            tell(f"error: {bad.message}\n  {bad.hint}".rstrip(), err=True)
            tell(f"  {kept}", err=True)
            if not typer.confirm("Open the editor again?", default=True, err=True):
                raise typer.Exit(bad.exit_code) from None
        except KeyboardInterrupt:
            tell(kept, err=True)
            raise
    if typed.text == typed.begun:
        forget(typed)
        tell(
            f"{disk.path}: the text was left as it was, nothing to write. An editor that returns at once needs a flag "
            "to wait, such as EDITOR='code --wait'",
            err=True,
        )
        return False
    try:
        finish(disk, text, dry_run, format)
    except PrinciplesError as bad:
        raise PrinciplesError(bad.message, kept) from None
    if dry_run:
        tell(kept, err=True)
    else:
        forget(typed)
    return True


def given_text(path: Path) -> str:
    """What was typed before, or is written by a program; line ends as they are."""
    from constitution.yamlfile import decoded, read_bytes

    return decoded(read_bytes(path, PrinciplesError), path, PrinciplesError)


def refuse_together(**given: object) -> None:
    """Flags of which one is meant.

    Raises:
        BadParameter: More than one is given.
    """
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value not in (None, False, "")]
    if len(names) > 1:
        raise typer.BadParameter(f"{' and '.join(names)} do not go together")
