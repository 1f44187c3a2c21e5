"""Import: a file of another system becomes a principles file, examples of a template set, or prompts."""

from collections.abc import Sequence
from pathlib import Path

from constitution.durable import write_whole
from constitution.errors import PrinciplesError, command
from constitution.judging import JUDGED_FILE
from constitution.principle_files.writing import file_text
from constitution.principle_formats import AUTO, read_foreign
from constitution.principle_formats.contents import Contents, Dropped
from constitution.principle_formats.few_shots import examples_text
from constitution.principles import PrincipleSet, parse_principles
from constitution.records import Record
from constitution.resources import shipped
from constitution.templating import FEW_SHOTS_FILE
from constitution.yaml_limits import MOST_BYTES

SUFFIXES = (".yaml", ".yml")


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
        drafts.append(_Draft(made=Made(path=str(prompts), prompts=len(contents.questions)), text=rows))
    elif contents.questions:
        lost.append(Dropped(field="questions", count=len(contents.questions)))
        notes.append("Its questions are written as prompts with --prompts FILE.")
    for flag, path, wanted in (
        ("--few-shots", few_shots, contents.examples),
        ("--prompts", prompts, contents.questions),
    ):
        if path and not (wanted and contents.principles):
            raise PrinciplesError(f"{flag} {path}: {source} holds nothing for it", f"Leave out {flag}.")
    write_all([(Path(draft.made.path), draft.text) for draft in drafts], source, overwrite)
    return Imported(
        source=str(source),
        format=found.format,
        shape=contents.shape,
        files=tuple(draft.made for draft in drafts),
        dropped=tuple(lost),
        notes=(*notes, *_next_steps(contents, drafts[0])),
    )


def write_all(files: Sequence[tuple[Path, str]], source: Path, overwrite: bool) -> None:
    """Write files, each whole or not at all, after it is checked that all may be written.

    Raises:
        PrinciplesError: One is there, is the source or cannot be written.
    """
    paths = [path for path, _ in files]
    for number, path in enumerate(paths):
        if path.is_dir():
            raise PrinciplesError(f"{path}: is a folder", "Name a file.")
        if path.exists() and source.exists() and path.samefile(source):
            raise PrinciplesError(f"{path}: is what is read", "Name another file.")
        if path.exists() and not overwrite:
            raise PrinciplesError(f"{path}: already there", "Name another file, or replace it with --overwrite.")
        if path in paths[:number]:
            raise PrinciplesError(f"{path}: named twice", "Name a file of its own for each.")
        if not path.parent.is_dir():
            raise PrinciplesError(f"{path}: there is no folder {path.parent}", f"Make it first: mkdir -p {path.parent}")
    for path, text in files:
        if path.suffix in SUFFIXES and len(text.encode()) > MOST_BYTES:
            raise PrinciplesError(
                f"{path}: would have more than {MOST_BYTES:,} bytes, and not be read", "Split the source."
            )
    for path, text in files:
        try:
            write_whole(path, text)
        except OSError as bad:
            raise PrinciplesError(f"{path}: cannot be written: {bad.strerror}", "Name another file.") from None


def _principles(contents: Contents, source: Path, format: str, to: Path, name: str, description: str) -> _Draft:
    file = PrincipleSet(
        name=name.strip() or contents.name or to.stem,
        version=contents.version or "1.0",
        description=description.strip() or contents.description or f"Imported from {source.name} ({format}).",
        principles=contents.principles,
        rules=contents.rules,
    )
    text = file_text(file)
    # Nothing is written that would not be read: not more than the limits of a principles file.
    if parse_principles(text, to) != file:
        raise AssertionError(f"{source}: is not read back as it was")
    return _Draft(
        made=Made(path=str(to), principles=len(contents.principles), rules=len(contents.rules)),
        text=text,
    )


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
    comment = f"Imported from {source.name}: {contents.shape}."
    return _Draft(made=Made(path=str(to), examples=len(examples)), text=examples_text(examples, comment))


def _must_be_yaml(to: Path) -> None:
    if to.is_dir():
        raise PrinciplesError(f"{to}: is a folder", f"Name a file: --to {to / 'principles.yaml'}")
    if to.suffix not in SUFFIXES:
        raise PrinciplesError(
            f"{to}: a principles file ends in .yaml",
            f"For example: --to {to.with_suffix('.yaml') if to.name else 'FILE.yaml'}",
        )


def _next_steps(contents: Contents, first: _Draft) -> tuple[str, ...]:
    path = Path(first.made.path)
    if contents.judged:
        return (f"Use them with: {command('compare', 'RUN', '--templates', path.parent, '--few-shots', 'N')}",)
    if not contents.principles and contents.examples:
        return (f"Use them with: {command('generate', '--templates', path.parent, '--few-shots', 'N')} …",)
    if contents.principles and all(one.critique_request is None for one in contents.principles):
        return (f"These are for a judge only: {command('compare', 'RUN', '--principles', path)}",)
    return ()
