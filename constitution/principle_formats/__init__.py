"""Principles files of other systems: read into this program's records, and written back.

A format is a module with `read(Source) -> Contents`, which raises `Misfit` for what is not of it, and mostly a
`write(PrincipleSet) -> Written`. Nothing is lost silently: what the other side has no place for is counted, by field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from constitution.errors import PrinciplesError, command
from constitution.principle_formats import (
    charactertraining,
    csv_table,
    huggingface,
    langchain,
    nemo,
    own,
    paper,
    plain_text,
    rbr,
    salmon,
)
from constitution.principle_formats.contents import Contents, Misfit, Written, check_number
from constitution.principle_formats.source import Source, parse, read_source
from constitution.principles import PrincipleSet
from constitution.yamlfile import nearest

AUTO = "auto"


@dataclass(frozen=True)
class Reader:
    """How a format is read.

    Attributes:
        read: Its files.
        strictly: If somebody's file is only tried as this one; None: as `read`.
    """

    read: Callable[[Source], Contents]
    strictly: Callable[[Source], Contents] | None = None


# In the order in which they are tried: what has no shape of its own comes last.
READERS: dict[str, Reader] = {
    "json": Reader(own.read),
    "paper": Reader(paper.read),
    "huggingface": Reader(huggingface.read),
    "langchain": Reader(langchain.read),
    "salmon": Reader(salmon.read),
    "nemo": Reader(nemo.read),
    "rbr": Reader(rbr.read),
    "charactertraining": Reader(charactertraining.read),
    "csv": Reader(csv_table.read),
    "text": Reader(plain_text.read, plain_text.read_strictly),
}
WRITERS: dict[str, Callable[[PrincipleSet], Written]] = {
    "json": own.write,
    "paper": paper.write,
    "paper-judge": paper.write_judge,
    "huggingface": huggingface.write,
    "langchain": langchain.write,
    "salmon": salmon.write,
    "nemo": nemo.write,
    "rbr": rbr.write,
    "csv": csv_table.write,
    "text": plain_text.write,
}


@dataclass(frozen=True)
class Found:
    """A file that was read.

    Attributes:
        format: Its name.
        contents: What it holds.
    """

    format: str
    contents: Contents


def read_foreign(path: Path, format: str = AUTO) -> Found:
    """Read a file of another system.

    Args:
        path: The file.
        format: A key of `READERS`, or `auto`, which tries them all.

    Raises:
        PrinciplesError: It cannot be read or is of no such format, with each that was tried and why it failed; it is
            of several formats; the format is unknown.
    """
    if format != AUTO and format not in READERS:
        raise PrinciplesError(f"no format called {format!r}; {nearest(format, [AUTO, *READERS])}")
    source = parse(read_source(path))
    if format != AUTO:
        try:
            return Found(format, _checked(READERS[format].read(source)))
        except Misfit as bad:
            raise PrinciplesError(f"{path}: not of the format {format}: {bad}", _try_all(path)) from None
    found, failed = list[Found](), list[str]()
    for name, reader in READERS.items():
        try:
            found.append(Found(name, _checked((reader.strictly or reader.read)(source))))
        except Misfit as bad:
            failed.append(f"  {name}: {bad}")
    if not found:
        tried = "\n".join(failed)
        raise PrinciplesError(f"{path}: of no known format; tried\n{tried}", _next_step(path, source))
    if len(found) > 1:
        names = ", ".join(one.format for one in found)
        raise PrinciplesError(f"{path}: may be of several formats: {names}", "Say which with --from.")
    return found[0]


def _checked(contents: Contents) -> Contents:
    # Also where they are deeper inside the document than the readers count.
    check_number(len(contents.principles) + len(contents.rules) + len(contents.examples) + len(contents.judged))
    return contents


def _try_all(path: Path) -> str:
    return f"What formats it may be of: {command('principles', 'import', path, '--to', 'FILE')}"


def _next_step(path: Path, source: Source) -> str:
    if (
        not isinstance(source.yaml, Misfit)
        and isinstance(source.yaml, dict)
        and {"name", "version"} <= source.yaml.keys()
    ):
        return f"It looks like a principles file of this program: {command('principles', 'lint', path)}"
    return "If it is one of these, mend what is told of it; --from text takes any lines as they are."
