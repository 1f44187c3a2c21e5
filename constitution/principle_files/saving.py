"""Principles files on the disk: read to be edited, and written back if nobody else has written them meanwhile."""

import hashlib
from pathlib import Path

from constitution.durable import write_whole
from constitution.errors import PrinciplesError, command
from constitution.principle_files.targets import check_plain, check_writable, is_shipped, locked, place_of
from constitution.principles import find_principles
from constitution.records import Record
from constitution.yamlfile import decoded, read_bytes


class DiskFile(Record):
    """A principles file as it was read.

    Attributes:
        path: As it was named; what errors call it.
        target: Where it is, all links followed; what is written.
        text: Its line ends and byte-order mark as they are.
        digest: Of its bytes.
    """

    path: Path
    target: Path
    text: str
    digest: str


def read_to_edit(name: str) -> DiskFile:
    """Read a file that is to be edited, by its path.

    Raises:
        PrinciplesError: It ships with the program, is not there, is no plain file of text, or may not be written.
    """
    path = find_principles(name)
    target = place_of(path)
    if is_shipped(target):
        raise PrinciplesError(
            f"{name}: ships with the program, and is the same for everyone who names it in a run",
            f"Edit a copy: {command('principles', 'new', f'my-{target.name}', '--from', target.stem)}",
        )
    check_plain(path)
    content = read_bytes(path, PrinciplesError)
    check_writable(path, target)
    text = decoded(content, path, PrinciplesError)
    return DiskFile(path=path, target=target, text=text, digest=_digest(content))


def save(file: DiskFile, text: str) -> None:
    """Put a new text in the place of what was read; a link to it stays one.

    The file keeps its permissions and, as far as the system allows that, its owner and group.

    Edits by this program wait for each other. Of others nothing can be known but that the file's bytes are those that
    were read: they are compared when the new text is on the disk, right before it is renamed. Somebody who writes the
    file in the microseconds between is overwritten.

    Args:
        file: As it was read.
        text: As it is to be.

    Raises:
        PrinciplesError: It has changed, or cannot be written. It is untouched.
    """

    def unchanged() -> None:
        now = _digest(read_bytes(file.target, PrinciplesError)) if file.target.exists() else "gone"
        if now != file.digest:
            what = "gone" if now == "gone" else "changed by someone else"
            raise PrinciplesError(
                f"{file.path}: {what} since it was read; nothing was written",
                "The same command again edits it as it is now.",
            )

    try:
        with locked(file.path, file.target):
            unchanged()
            write_whole(file.target, text, like=file.target, last=unchanged)
    except OSError as bad:
        raise unwritable(file.path, bad) from None


def save_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        PrinciplesError: It is there, its name is not that of a YAML file, or it cannot be written.
    """

    def free() -> None:
        if path.is_symlink() or path.exists():
            raise PrinciplesError(f"{path}: already there; nothing was written", "Choose another name.")

    if path.suffix not in {".yaml", ".yml"}:
        raise PrinciplesError(f"{path}: a principles file has a name that ends in .yaml", "For example: mine.yaml")
    free()
    if not path.parent.is_dir():
        raise PrinciplesError(f"{path}: there is no folder {path.parent}", f"Make it first: mkdir -p {path.parent}")
    try:
        write_whole(path, text, last=free)
    except OSError as bad:
        raise unwritable(path, bad) from None


def unwritable(path: Path, bad: OSError) -> PrinciplesError:
    """The error of a file that the disk does not take."""
    return PrinciplesError(f"{path}: cannot be written: {bad.strerror}; it is as it was", "Choose another place.")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
