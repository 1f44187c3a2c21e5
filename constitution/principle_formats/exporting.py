"""Export: a principles file, or examples of a template set, as a file of another system."""

from pathlib import Path
from typing import Any

from constitution.errors import PrinciplesError, TemplateError, command
from constitution.judging import load_judged
from constitution.principle_formats import WRITERS, huggingface, nemo, paper_examples, paper_judged
from constitution.principle_formats.contents import Dropped, Misfit, Written, counted
from constitution.principle_formats.outputs import Output, write_all
from constitution.principles import find_principles, load_file
from constitution.printable import printable
from constitution.records import Record
from constitution.templating import load_examples
from constitution.yamlfile import load_yaml, nearest

# What a file's name tells, where no format is given. A .json may be of several.
BY_SUFFIX = {".csv": "csv", ".txt": "text"}
EXAMPLE_WRITERS = {"paper": paper_examples.write, "nemo": nemo.write_examples}
JUDGED_WRITERS = {"paper": paper_judged.write, "paper-cot": paper_judged.write_reasoned}
# Formats that hold rules, and that hold the file's name, version and description.
WITH_RULES = ("json", "rbr")
WITH_HEAD = ("json",)


class Exported(Record):
    """What an export did.

    Attributes:
        source: The file that was read.
        format: Of the file that was written.
        path: Where it is.
        entries: How many principles, rules or examples it holds.
        dropped: What is in the source, and not in it.
        notes: What else its reader should know.
    """

    source: str
    format: str
    path: str
    entries: int
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


def export_principles(
    name: str, to: Path, format: str | None = None, *, few_shots: Path | None = None, overwrite: bool = False
) -> Exported:
    """Write a file of another system.

    Args:
        name: A principles file, by path or shipped name; or a template set's `few_shots.yaml` or
            `compare_few_shots.yaml`.
        to: The file to write.
        format: Its format; None is what its name tells.
        few_shots: Examples for a format that has them beside the principles.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        PrinciplesError: Nothing of the source fits into the format, or the file cannot be written.
        TemplateError: The examples are not what a template set reads.
    """
    path = find_principles(name)
    format = format or _told_by(to)
    document = load_yaml(path, PrinciplesError)
    if few_shots and format != "huggingface":
        raise PrinciplesError(f"--few-shots: {format} has no examples beside principles", "Leave out --few-shots.")
    try:
        written = (
            _of_examples(path, document, format)
            if isinstance(document, list)
            else _of_principles(name, format, few_shots)
        )
    except Misfit as bad:
        raise PrinciplesError(f"{path}: nothing to write as {format}: {bad}", _look(path, document)) from None
    write_all([Output(path=to, text=written.text)], [path, *([few_shots] if few_shots else [])], overwrite)
    return Exported(
        source=printable(str(path)),
        format=format,
        path=printable(str(to)),
        entries=written.entries,
        dropped=written.dropped,
        notes=written.notes,
    )


def _of_principles(name: str, format: str, few_shots: Path | None) -> Written:
    if format not in WRITERS:
        raise PrinciplesError(
            f"no format {format!r} for principles; {nearest(format, WRITERS)}", "Give --for one of them."
        )
    file = load_file(name)
    if format == "huggingface":
        written = huggingface.write(file, load_examples(few_shots) if few_shots else ())
    else:
        written = WRITERS[format](file)
    head = {} if format in WITH_HEAD else dict.fromkeys(("name", "version", "description"), 1)
    rules = 0 if format in WITH_RULES else len(file.rules)
    return written.model_copy(update={"dropped": (*written.dropped, *counted({"rules": rules} | head))})


def _of_examples(path: Path, document: list[Any], format: str) -> Written:
    judged = bool(document) and isinstance(document[0], dict) and "better" in document[0]
    known = JUDGED_WRITERS if judged else EXAMPLE_WRITERS
    if format not in known:
        raise PrinciplesError(f"no format {format!r} for examples; {nearest(format, known)}", "Give --for one of them.")
    if judged:
        return JUDGED_WRITERS[format](load_judged(path))
    examples = load_examples(path)
    if not examples:
        raise TemplateError(f"{path}: holds no example", "Name a file with some.")
    return EXAMPLE_WRITERS[format](examples)


def _told_by(to: Path) -> str:
    if to.name in WRITERS:
        raise PrinciplesError(f"--to {to} names the file to write", f"The format: --for {to} --to FILE")
    if to.suffix.lower() not in BY_SUFFIX:
        raise PrinciplesError(
            f"{to}: its name does not tell which format is meant", f"Add --for and one of: {', '.join(WRITERS)}."
        )
    return BY_SUFFIX[to.suffix.lower()]


def _look(path: Path, document: Any) -> str:
    return "" if isinstance(document, list) else f"What it holds: {command('principles', 'show', path)}"
