"""What the tests share that read files of other systems and write some."""

from collections.abc import Callable
from pathlib import Path

import foreign_files as files
import pytest

from constitution.errors import PrinciplesError
from constitution.principle_formats import READERS
from constitution.principle_formats.contents import Contents
from constitution.principle_formats.source import parse
from constitution.principles import PrincipleSet
from constitution.records import Record


def put(folder: Path, name: str, text: str | bytes) -> Path:
    """A file of the test's."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def untouched(folder: Path, told: str, run: Callable[[], object], hint: str = "") -> None:
    """The call is refused, and no file in the folder was made or changed."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(PrinciplesError) as caught:
        run()
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def read(name: str) -> Contents:
    """A fixture, by its format."""
    return READERS[name.split()[0]].read(parse(files.FILES[name]))


def held(contents: Contents) -> PrincipleSet:
    """Its principles and rules as a file."""
    return PrincipleSet(name="n", version="1.0", description="d", principles=contents.principles, rules=contents.rules)


def dropped(record: Record) -> dict[str, int]:
    """What a reader or writer has dropped, by field."""
    return {one.field: one.count for one in record.dropped}  # type: ignore[attr-defined]
