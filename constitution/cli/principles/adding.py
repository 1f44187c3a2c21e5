"""`constitution principles new`, `add`: a file to start from, and one entry more."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell
from constitution.cli.principles.applying import DryRunOption, FileArgument, by_editor, finish, given_text, held
from constitution.cli.principles.editing import (
    AfterOption,
    BeforeOption,
    ComparisonOption,
    CritiqueOption,
    FromTextOption,
    PropositionOption,
    RevisionOption,
    TagOption,
    WeightOption,
    place_of,
)
from constitution.errors import PrinciplesError, command

if TYPE_CHECKING:
    from constitution.principle_files.edits import Where
    from constitution.principle_files.saving import DiskFile


def new(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .yaml; not there yet.", show_default=False)],
    source: Annotated[
        str | None, typer.Option("--from", help="A shipped name, or a file, to copy as it is.", metavar="NAME")
    ] = None,
) -> None:
    """Write a principles file to start from.

    It explains itself in comments; nothing is overwritten.
    """
    from constitution.principle_files.saving import save_new
    from constitution.principle_files.starting import start_text
    from constitution.principles import find_principles, load_file

    if source is None:
        text = start_text(path.stem)
    else:
        load_file(source)
        text = given_text(find_principles(source))
    save_new(path, text)
    tell(path)
    tell(
        f"Next: {command('principles', 'edit', path)}, or any editor; then {command('principles', 'lint', path)}",
        err=True,
    )


def add(
    name: FileArgument,
    id: Annotated[str | None, typer.Option("--id", help="Unique in the file.", metavar="ID")] = None,
    critique_request: CritiqueOption = None,
    revision_request: RevisionOption = None,
    comparison: ComparisonOption = None,
    proposition: PropositionOption = None,
    weight: WeightOption = None,
    tag: TagOption = None,
    before: BeforeOption = None,
    after: AfterOption = None,
    first: Annotated[bool, typer.Option("--first", help="Put it above all others.")] = False,
    from_text: FromTextOption = None,
    dry_run: DryRunOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Add a principle, or a rule (--proposition).

    At the end, unless told otherwise. What is not given is asked for in $VISUAL or $EDITOR.
    """
    from constitution.principle_files import edits
    from constitution.principle_files.checking import made
    from constitution.principle_files.saving import read_to_edit
    from constitution.principles import Principle, Rule

    texts = {
        "id": id,
        "critique_request": critique_request,
        "revision_request": revision_request,
        "comparison": comparison,
        "proposition": proposition,
        "weight": weight,
        "tags": tuple(tag) if tag else None,
    }
    given: dict[str, object] = {field: value for field, value in texts.items() if value is not None}
    kind = Rule if proposition is not None else Principle
    if kind is Rule and {"critique_request", "revision_request", "comparison"} & given.keys():
        raise typer.BadParameter("--proposition is a rule's, which has none of the three requests of a principle")
    if from_text is not None and given:
        raise typer.BadParameter("--from-text is the whole entry: it goes with no other field")
    where = place_of(before, after, first, side="last")
    disk = read_to_edit(name)
    # A principle asks the model, a judge or both.
    whole = [{"proposition"}] if kind is Rule else [{"critique_request", "revision_request"}, {"comparison"}]
    half = len({"critique_request", "revision_request"} & given.keys()) == 1
    if "id" in given and not half and any(fields <= given.keys() for fields in whole):
        entry = made(kind, given, f"{disk.path}: {id}")
        finish(disk, edits.add(held(disk), entry, where), dry_run, format)
    else:
        _by_text(disk, name, kind, given, where, from_text, dry_run, format)


def _by_text(
    disk: "DiskFile",
    name: str,
    kind: type,
    given: dict[str, object],
    where: "Where",
    from_text: Path | None,
    dry_run: bool,
    format: Format,
) -> None:
    from constitution.principle_files import edits
    from constitution.principle_files.moving import column_of
    from constitution.principle_files.typed import template, typed_entry, without_told
    from constitution.principles import Principle

    file = held(disk)

    def make(typed: str, called: str) -> str:
        written = without_told(typed)
        return edits.add(file, typed_entry(written, called), where, written)

    if from_text is not None:
        finish(disk, make(given_text(from_text), str(from_text)), dry_run, format)
        return
    column = column_of(file, "principles" if kind is Principle else "rules")
    side = ("--first",) if where.side == "first" else (f"--{where.side}", where.id) if where.id else ()
    words = ("principles", "add", name, *side)
    if not by_editor(disk, template(disk.path, kind, given, column), make, words, dry_run, format):
        raise PrinciplesError(f"{disk.path}: nothing was added")
