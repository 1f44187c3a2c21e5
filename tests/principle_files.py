"""What the tests share that read files of other systems and write some."""

from collections.abc import Callable
from pathlib import Path

import pytest

from constitution.errors import PrinciplesError


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
