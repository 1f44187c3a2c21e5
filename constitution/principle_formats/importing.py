"""Import: a file of another system becomes a principles file, examples of a template set, or prompts."""

from pathlib import Path

from pydantic import ValidationError

from constitution.errors import PrinciplesError, command
from constitution.judging import JUDGED_FILE
from constitution.principle_files.writing import file_text
from constitution.principle_formats import AUTO, read_foreign
from constitution.principle_formats.contents import Contents, Dropped
from constitution.principle_formats.few_shots import examples_text
from constitution.principle_formats.outputs import SUFFIXES, Output, write_all
from constitution.principles import PrincipleSet, parse_principles
from constitution.printable import printable
from constitution.records import Record
from constitution.resources import shipped
from constitution.templating import FEW_SHOTS_FILE
from constitution.yamlfile import plainly


class Made(Record):
    """A file that was written.

    Attributes:
        path: Where.
        principles: How many it holds.
        rules: Likewise.
        examples: Likewise.
        prompts: Likewise.
    """

    path: str
    principles: int = 0
    rules: int = 0
    examples: int = 0
    prompts: int = 0


class Imported(Record):
    """What an import did.

    Attributes:
        source: The file that was read.
        format: What it is.
        shape: Which of the format's files.
        files: What was written.
        dropped: What is in the source, and in none of them.
        notes: What else its reader should know.
    """

    source: str
    format: str
    shape: str
    files: tuple[Made, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


class _Draft(Record):
    made: Made
    path: Path
    text: str


def import_principles(
    source: Path,
    to: Path,
    format: str = AUTO,
    *,
    name: str = "",
    description: str = "",
    few_shots: Path | None = None,
    prompts: Path | None = None,
    overwrite: bool = False,
) -> Imported:
    """Read a file of another system, and write what it holds.

    Args:
        source: The file.
        to: For principles and rules, a `.yaml` file. For a source that holds examples only, a `.yaml` file or a
            template set's folder.
        format: Of the source; `auto` tries all.
        name: Of the principles file; empty is what the source says, else what the file is called.
        description: Likewise; empty is what the source says, else where it is from.
        few_shots: Where to write examples of a source that holds principles too.
        prompts: Where to write prompts that come with the principles, as JSONL.
        overwrite: Whether files that are there may be replaced.

    Raises:
        PrinciplesError: The source cannot be read as that, or a file cannot be written; then none was touched.
    """
    found = read_foreign(source, format)
    contents = found.contents
    drafts: list[_Draft] = []
    lost, notes = list(contents.dropped), list(contents.notes)
    if contents.principles or contents.rules:
        _must_be_yaml(to)
        drafts.append(_principles(contents, source, found.format, to, name, description))
        if few_shots and contents.examples:
            drafts.append(_examples(contents, source, few_shots))
        elif contents.examples:
            lost.append(Dropped(field="examples", count=len(contents.examples)))
            notes.append("Its examples are written to a template set with --few-shots FILE.")
    else:
        drafts.append(_examples(contents, source, to))
    if prompts and contents.questions:
        rows = "".join(f"{one.model_dump_json()}\n" for one in contents.questions)
        drafts.append(_draft(prompts, rows, prompts=len(contents.questions)))
    elif contents.questions:
        lost.append(Dropped(field="questions", count=len(contents.questions)))
        notes.append("Its questions are written as prompts with --prompts FILE.")
    for flag, path, wanted in (
        ("--few-shots", few_shots, contents.examples),
        ("--prompts", prompts, contents.questions),
    ):
        if path and not (wanted and contents.principles):
            raise PrinciplesError(f"{flag} {path}: {source} holds nothing for it", f"Leave out {flag}.")
    write_all([Output(path=draft.path, text=draft.text) for draft in drafts], [source], overwrite)
    return Imported(
        source=printable(str(source)),
        format=found.format,
        shape=contents.shape,
        files=tuple(draft.made for draft in drafts),
        dropped=tuple(lost),
        notes=(*notes, *map(printable, _next_steps(contents, drafts[0]))),
    )


def _principles(contents: Contents, source: Path, format: str, to: Path, name: str, description: str) -> _Draft:
    try:
        file = PrincipleSet(
            name=name.strip() or contents.name or _one_line(to.stem),
            version=contents.version or "1.0",
            description=description.strip()
            or contents.description
            or f"Imported from {_one_line(source.name)} ({format}).",
            principles=contents.principles,
            rules=contents.rules,
        )
    except ValidationError as bad:
        fault = bad.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        raise PrinciplesError(f"{to}: {field}: {plainly(fault)}; nothing was written", "Give another one.") from None
    text = file_text(file)
    # Nothing is written that would not be read: not more than the limits of a principles file.
    if parse_principles(text, to) != file:
        raise PrinciplesError(
            f"{to}: would not be read back as {source} says it; nothing was written",
            "This is a fault of constitution: report it with the file.",
        )
    return _draft(to, text, principles=len(contents.principles), rules=len(contents.rules))


def _examples(contents: Contents, source: Path, to: Path) -> _Draft:
    file = JUDGED_FILE if contents.judged else FEW_SHOTS_FILE
    other = FEW_SHOTS_FILE if contents.judged else JUDGED_FILE
    if to.is_dir():
        to = to / file
    elif to.suffix not in SUFFIXES:
        raise PrinciplesError(
            f"{to}: no folder of that name, and no .yaml file",
            f"{source} holds examples for a template set: give its folder, or a file {file}. A copy of a shipped set: "
            f"cp -r {shipped('templates') / 'chat'} my-templates",
        )
    if to.name == other:
        raise PrinciplesError(f"{to}: a template set reads {contents.shape} from {file}", f"Name it {file}.")
    examples = contents.judged or contents.examples
    comment = f"Imported from {_one_line(source.name)}: {contents.shape}."
    return _draft(to, examples_text(examples, comment), examples=len(examples))


def _draft(path: Path, text: str, **counts: int) -> _Draft:
    # The name of a file may be bytes that are no text.
    return _Draft(made=Made(path=printable(str(path)), **counts), path=path, text=text)


def _one_line(name: str) -> str:
    """A file's name as text for people."""
    return " ".join(printable(name).split())


def _must_be_yaml(to: Path) -> None:
    if to.is_dir():
        raise PrinciplesError(f"{to}: is a folder", f"Name a file: --to {to / 'principles.yaml'}")
    if to.suffix not in SUFFIXES:
        raise PrinciplesError(
            f"{to}: a principles file ends in .yaml",
            f"For example: --to {to.with_suffix('.yaml') if to.name else 'FILE.yaml'}",
        )


def _next_steps(contents: Contents, first: _Draft) -> tuple[str, ...]:
    path = first.path
    if contents.judged:
        return (f"Use them with: {command('compare', 'RUN', '--templates', path.parent, '--few-shots', 'N')}",)
    if not contents.principles and contents.examples:
        return (f"Use them with: {command('generate', '--templates', path.parent, '--few-shots', 'N')} …",)
    if contents.principles and all(one.critique_request is None for one in contents.principles):
        return (f"These are for a judge only: {command('compare', 'RUN', '--principles', path)}",)
    return ()
