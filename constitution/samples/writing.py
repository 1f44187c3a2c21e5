"""A sample's file: JSONL, CSV or Markdown."""

from pathlib import Path
from typing import Literal

from constitution.durable import write_whole
from constitution.errors import ExportError
from constitution.printable import on_one_line
from constitution.run_folder import KINDS
from constitution.samples.appendix import appendix
from constitution.samples.drawing import Sample
from constitution.samples.items import items
from constitution.samples.tables import table

As = Literal["jsonl", "csv", "markdown"]
# What a file's name tells, where no format is given.
BY_SUFFIX: dict[str, As] = {".jsonl": "jsonl", ".csv": "csv", ".md": "markdown", ".markdown": "markdown"}


def choose_format(to: Path | None, given: As | None) -> As:
    """The format that is asked for; else what the file's name tells; JSONL where there is no file.

    Raises:
        ExportError: The name does not tell.
    """
    if given or to is None:
        return given or "jsonl"
    if to.suffix.lower() not in BY_SUFFIX:
        raise ExportError(
            f"{to}: its name does not tell which format is meant", "Add --as and one of: jsonl, csv, markdown."
        )
    return BY_SUFFIX[to.suffix.lower()]


def as_text(sample: Sample, format: As, blind: bool = False) -> str:
    """A sample as a file holds it; `items.py` tells what blind is."""
    made = items(sample, blind)
    if format == "csv":
        return table(made)
    if format == "markdown":
        return appendix(sample, made, blind)
    return "".join(f"{on_one_line(item)}\n" for item in made)


def check_file(run: Path, to: Path, overwrite: bool) -> None:
    """Refuse a file that is there, unless it may be replaced, and whatever is in the run's own folder.

    Raises:
        ExportError: With what is in the way.
    """
    elsewhere = "Name another file with --to."
    if to.resolve().is_relative_to(run.resolve()):
        raise ExportError(f"{to}: in the run's folder, which holds what the run wrote and nothing else", elsewhere)
    if to.is_dir():
        raise ExportError(f"{to}: a folder, not a file", elsewhere)
    if not to.parent.is_dir():
        raise ExportError(f"{to}: there is no folder {to.parent}", f"Make it first: mkdir -p {to.parent}")
    if to.exists() and not to.is_file():
        what = next((name for kind, name in KINDS.items() if to.stat().st_mode & 0o170000 == kind), "something else")
        raise ExportError(f"{to}: {what}, not a file", "Leave out --to: the sample is printed.")
    if to.exists() and not overwrite:
        raise ExportError(f"{to}: is there already", "Name another file, or replace it with --overwrite.")


def write_sample(sample: Sample, to: Path, format: As, *, blind: bool = False, overwrite: bool = False) -> None:
    """Write a sample's file, whole or not at all. A link stays one: what it points to is written.

    Raises:
        ExportError: It is there and may not be replaced, or cannot be written.
    """
    check_file(sample.run, to, overwrite)
    try:
        write_whole(to.resolve(), as_text(sample, format, blind))
    except OSError as bad:
        raise ExportError(f"{to}: cannot be written: {bad.strerror}", "Name another file with --to.") from None
