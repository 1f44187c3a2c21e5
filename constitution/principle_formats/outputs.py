"""The files that an import or export writes: checked together, then written."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from constitution.durable import write_whole
from constitution.errors import PrinciplesError
from constitution.principle_files.targets import beside, check_plain, check_writable, is_shipped, locked, place_of
from constitution.records import Record
from constitution.yaml_limits import MOST_BYTES

SUFFIXES = (".yaml", ".yml")


class Output(Record):
    """A file to be written.

    Attributes:
        path: As it was named; a link stays one, and what it points to is written.
        text: All of it.
    """

    path: Path
    text: str


def write_all(outputs: Sequence[Output], sources: Sequence[Path], overwrite: bool) -> None:
    """Write files, each whole or not at all, after it is checked that all may be written.

    All are on the disk before the first one is put in its place. Only a disk that fails in the moment between two of
    these can leave some written and some not; the error tells which. A file that is replaced keeps its permissions.

    Args:
        outputs: The files.
        sources: What was read for them, which must not be touched.
        overwrite: Whether files that are there may be replaced.

    Raises:
        PrinciplesError: One is there, is read-only, is a source or another one's, or cannot be written.
    """
    read = {place_of(source) for source in sources}
    claimed = set[Path]()
    for output in outputs:
        try:
            _check(output, read, claimed, overwrite)
        except OSError as bad:
            raise PrinciplesError(f"{output.path}: cannot be written: {bad.strerror}", "Name another file.") from None
        claimed |= beside(place_of(output.path))
    _write(outputs, overwrite, [])


def _check(output: Output, read: AbstractSet[Path], claimed: AbstractSet[Path], overwrite: bool) -> None:
    path, place = output.path, place_of(output.path)
    if path.is_dir():
        raise PrinciplesError(f"{path}: is a folder", "Name a file.")
    if beside(place) & read or any(_same(place, source) for source in read):
        raise PrinciplesError(f"{path}: is what is read", "Name another file.")
    if beside(place) & claimed:
        raise PrinciplesError(f"{path}: named twice", "Name a file of its own for each.")
    if not overwrite:
        _check_free(path)
    if not place.parent.is_dir():
        folder = path.parent if not path.is_symlink() else place.parent
        raise PrinciplesError(f"{path}: there is no folder {folder}", f"Make it first: mkdir -p {folder}")
    check_plain(path)
    if place.exists():
        if is_shipped(place):
            raise PrinciplesError(f"{path}: ships with the program", "Name another file.")
        check_writable(path, place)
    if path.suffix in SUFFIXES and len(output.text.encode()) > MOST_BYTES:
        raise PrinciplesError(
            f"{path}: would have more than {MOST_BYTES:,} bytes, and not be read", "Split the source."
        )


def _write(outputs: Sequence[Output], overwrite: bool, written: list[Path]) -> None:
    if not outputs:
        return
    output, *others = outputs
    place = place_of(output.path)

    def last() -> None:
        if not overwrite:
            _check_free(output.path)
        # This one is on the disk: the others are put there, and in their places, before it is.
        _write(others, overwrite, written)

    try:
        with locked(output.path, place):
            write_whole(place, output.text, like=place if place.exists() else None, last=last)
    except OSError as bad:
        done = f"written before that: {', '.join(map(str, written))}" if written else "nothing was written"
        raise PrinciplesError(
            f"{output.path}: cannot be written: {bad.strerror}; {done}", "Name another file."
        ) from None
    written.append(output.path)


def _check_free(path: Path) -> None:
    if path.is_symlink() or path.exists():
        raise PrinciplesError(f"{path}: already there", "Name another file, or replace it with --overwrite.")


def _same(place: Path, source: Path) -> bool:
    return place.exists() and source.exists() and place.samefile(source)
