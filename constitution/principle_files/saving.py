"""Principles files on the disk: read to be edited, and written back if nobody else has written them meanwhile."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from constitution.durable import write_whole
from constitution.errors import PrinciplesError, command
from constitution.principles import find_principles
from constitution.records import Record
from constitution.resources import shipped
from constitution.yamlfile import decoded, read_bytes

# Another edit of the same file holds the lock for as long as the disk takes to flush it.
LOCK_SECONDS = 10.0
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class DiskFile(Record):
    """A principles file as it was read.

    Attributes:
        path: As it was named; what errors call it.
        target: Where it is, all links followed; what is written.
        text: Its line ends and byte-order mark as they are.
        digest: Of its bytes.
        mode: Its permissions.
    """

    path: Path
    target: Path
    text: str
    digest: str
    mode: int


def read_to_edit(name: str) -> DiskFile:
    """Read a file that is to be edited, by its path.

    Raises:
        PrinciplesError: It ships with the program, is not there, is no plain file of text, or may not be written.
    """
    path = find_principles(name)
    target = Path(os.path.realpath(path))
    if target.parent == Path(os.path.realpath(shipped("principles"))):
        raise PrinciplesError(
            f"{name}: ships with the program, and is the same for everyone who names it in a run",
            f"Edit a copy: {command('principles', 'new', f'my-{target.name}', '--from', target.stem)}",
        )
    # Asked for first: a pipe would be waited for.
    if target.exists() and not target.is_file():
        raise PrinciplesError(f"{path}: {'a folder' if target.is_dir() else 'no plain file'}", "Give a .yaml file.")
    content = read_bytes(path, PrinciplesError)
    mode = stat.S_IMODE(target.stat().st_mode)
    _check_writable(path, target, mode)
    text = decoded(content, path, PrinciplesError)
    return DiskFile(path=path, target=target, text=text, digest=_digest(content), mode=mode)


def save(file: DiskFile, text: str) -> None:
    """Put a new text in the place of what was read; the file keeps its permissions, and a link to it stays one.

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

    aside = file.target.with_name(f".{file.target.name}.tmp")
    try:
        with _locked(file):
            unchanged()
            write_whole(file.target, text, aside=aside, mode=file.mode, last=unchanged)
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
        write_whole(path, text, aside=path.with_name(f".{path.name}.tmp"), last=free)
    except OSError as bad:
        raise unwritable(path, bad) from None


def unwritable(path: Path, bad: OSError) -> PrinciplesError:
    """The error of a file that the disk does not take."""
    return PrinciplesError(f"{path}: cannot be written: {bad.strerror}; it is as it was", "Choose another place.")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_writable(path: Path, target: Path, mode: int) -> None:
    # By the permissions themselves, as the system lets its administrator write anything.
    if not mode & WRITABLE or not os.access(target, os.W_OK):
        raise PrinciplesError(
            f"{path}: read-only; nothing was written", f"If it is yours to change: chmod u+w {target}"
        )
    folder = target.parent
    if not folder.stat().st_mode & WRITABLE or not os.access(folder, os.W_OK | os.X_OK):
        raise PrinciplesError(
            f"{path}: its folder {folder} is read-only, so the file cannot be replaced; nothing was written",
            f"If it is yours to change: chmod u+w {folder}",
        )


@contextlib.contextmanager
def _locked(file: DiskFile) -> Iterator[None]:
    lock = FileLock(file.target.with_name(f".{file.target.name}.lock"), timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise PrinciplesError(
            f"{file.path}: another constitution command is writing it; nothing was written",
            "Run the same command again.",
        ) from None
    try:
        yield
    finally:
        # While it is held: whoever has opened it meanwhile finds that it has no name, and opens a new one.
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
