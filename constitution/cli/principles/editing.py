"""`constitution principles edit`, `remove`, `rename`, `reorder`: change a file, and leave the rest of it as it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption
from constitution.cli.principles.applying import (
    DryRunOption,
    FileArgument,
    by_editor,
    finish,
    given_text,
    held,
    refuse_together,
)

if TYPE_CHECKING:
    from constitution.principle_files.edits import Where

CritiqueOption = Annotated[
    str | None, typer.Option("--critique-request", help="Asks the model to criticise its response.", metavar="TEXT")
]
RevisionOption = Annotated[
    str | None, typer.Option("--revision-request", help="Asks the model to rewrite it.", metavar="TEXT")
]
ComparisonOption = Annotated[
    str | None, typer.Option("--comparison", help="Asks a judge which response is better.", metavar="TEXT")
]
PropositionOption = Annotated[
    str | None, typer.Option("--proposition", help="Of a rule: what is true or false of a response.", metavar="TEXT")
]
WeightOption = Annotated[float | None, typer.Option("--weight", help="How much it counts beside the others.")]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", help="A tag; once for each. They replace what was there.", metavar="TAG")
]
FromTextOption = Annotated[
    Path | None, typer.Option("--from-text", help="Take this file's text instead of opening the editor.")
]
BeforeOption = Annotated[str | None, typer.Option("--before", help="Put it above this entry.", metavar="ID")]
AfterOption = Annotated[str | None, typer.Option("--after", help="Put it below this entry.", metavar="ID")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Of a principle or a rule.", show_default=False)]
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID...", help="Of principles or rules.", show_default=False)]


def place_of(before: str | None, after: str | None, first: bool, side: str) -> "Where":
    """Where an entry is put; `side` unless a flag says otherwise."""
    from constitution.principle_files.edits import Where

    refuse_together(before=before, after=after, first=first)
    if before is not None or after is not None:
        return Where(side="before" if after is None else "after", id=before or after or "")
    return Where(side="first" if first or side == "first" else "last")


def edit(
    name: FileArgument,
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of a principle or a rule.")] = None,
    critique_request: CritiqueOption = None,
    revision_request: RevisionOption = None,
    comparison: ComparisonOption = None,
    no_comparison: Annotated[bool, typer.Option("--no-comparison", help="Take the comparison out.")] = False,
    proposition: PropositionOption = None,
    weight: WeightOption = None,
    tag: TagOption = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags out.")] = False,
    set_name: Annotated[str | None, typer.Option("--name", help="Of the file, without ID.", metavar="TEXT")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Likewise.", metavar="TEXT")] = None,
    description: Annotated[str | None, typer.Option("--description", help="Likewise.", metavar="TEXT")] = None,
    from_text: FromTextOption = None,
    dry_run: DryRunOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Change fields of an entry, or of the file.

    Without any field, $VISUAL or $EDITOR is opened on the entry's own text; without ID, on the whole file.
    """
    from constitution.principle_files.edits import set_fields, set_head
    from constitution.principle_files.saving import read_to_edit

    refuse_together(comparison=comparison, no_comparison=no_comparison)
    refuse_together(tag=tag or None, no_tags=no_tags)
    texts = {
        "critique_request": critique_request,
        "revision_request": revision_request,
        "comparison": comparison,
        "proposition": proposition,
        "weight": weight,
        "tags": tuple(tag) if tag else None,
    }
    fields: dict[str, object] = {field: value for field, value in texts.items() if value is not None}
    fields |= {"comparison": None} if no_comparison else {}
    fields |= {"tags": None} if no_tags else {}
    named = {"name": set_name, "version": version, "description": description}
    head = {field: value for field, value in named.items() if value is not None}
    if id is None and fields:
        raise typer.BadParameter("which entry? Give its ID after the file")
    if id is not None and head:
        raise typer.BadParameter("--name, --version and --description are the file's: leave the ID out")
    if from_text is not None and (fields or head):
        raise typer.BadParameter("--from-text is the whole text: it goes with no other field")
    disk = read_to_edit(name)
    if head:
        finish(disk, set_head(held(disk), head), dry_run, format)
    elif id is not None and fields:
        finish(disk, set_fields(held(disk), id, fields), dry_run, format)
    else:
        _by_text(name, id, from_text, dry_run, format)


def _by_text(name: str, id: str | None, from_text: Path | None, dry_run: bool, format: Format) -> None:
    """Edit an entry's own text, or the whole file's; a broken file can be mended so."""
    from constitution.principle_files.saving import read_to_edit
    from constitution.principle_files.typed import entry_source, replace_entry
    from constitution.principles import parse_principles
    from constitution.yamlfile import as_parsed

    disk = read_to_edit(name)
    file = held(disk) if id is not None else None

    def make(typed: str, called: str) -> str:
        if file is not None and id is not None:
            return replace_entry(file, id, typed, called)
        parse_principles(as_parsed(typed), Path(called))
        return typed

    if from_text is not None:
        finish(disk, make(given_text(from_text), str(from_text)), dry_run, format)
        return
    begun = disk.text if file is None or id is None else entry_source(file, id)
    words = ("principles", "edit", name, *([id] if id is not None else []))
    by_editor(disk, begun, make, words, dry_run, format)


def remove(
    name: FileArgument, ids: IdsArgument, dry_run: DryRunOption = False, format: FormatOption = Format.text
) -> None:
    """Take entries out, with the comments that are theirs.

    Theirs are those directly above and within; comments with a blank line below them stay.
    """
    from constitution.principle_files import edits
    from constitution.principle_files.saving import read_to_edit

    disk = read_to_edit(name)
    finish(disk, edits.remove(held(disk), ids), dry_run, format)


def rename(
    name: FileArgument,
    old: IdArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new id.", show_default=False)],
    dry_run: DryRunOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Give an entry another id.

    Runs that are there already keep the old one.
    """
    from constitution.principle_files import edits
    from constitution.principle_files.saving import read_to_edit

    disk = read_to_edit(name)
    finish(disk, edits.rename(held(disk), old, new), dry_run, format)


def reorder(
    name: FileArgument,
    ids: IdsArgument,
    before: BeforeOption = None,
    after: AfterOption = None,
    dry_run: DryRunOption = False,
    format: FormatOption = Format.text,
) -> None:
    """Move entries to the beginning, or beside another one.

    They come in the order they are named in; the others stay as they are.
    """
    from constitution.principle_files import edits
    from constitution.principle_files.saving import read_to_edit

    where = place_of(before, after, False, side="first")
    disk = read_to_edit(name)
    finish(disk, edits.reorder(held(disk), ids, where), dry_run, format)
