"""Where a file that a person named is written: links followed, permissions respected, one writer at a time."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from constitution.durable import aside_of
from constitution.errors import PrinciplesError
from constitution.resources import shipped

# Another command holds the lock of the same file for as long as the disk takes to flush it.
LOCK_SECONDS = 10.0
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def place_of(path: Path) -> Path:
    """Where a file is, or would be made, all links followed."""
    return Path(os.path.realpath(path))


def is_shipped(place: Path) -> bool:
    """Whether a file, all links followed, is one of the principles files that come with the program."""
    return place.parent == place_of(shipped("principles"))


def check_plain(path: Path) -> None:
    """Refuse what is there and is no plain file; nothing is opened, as a pipe would be waited for.

    Raises:
        PrinciplesError: It is a folder, a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise PrinciplesError(f"{path}: {'a folder' if path.is_dir() else 'no plain file'}", "Name a plain file.")


def check_writable(path: Path, place: Path) -> None:
    """Refuse to replace a file that is read-only, though its folder would allow that.

    Args:
        path: As it was named.
        place: Where it is; it is there.

    Raises:
        PrinciplesError: It, or its folder, is read-only.
    """
    # By the permissions themselves, as the system lets its administrator write anything.
    if not place.stat().st_mode & WRITABLE or not os.access(place, os.W_OK):
        raise PrinciplesError(f"{path}: read-only; nothing was written", f"If it is yours to change: chmod u+w {place}")
    folder = place.parent
    if not folder.stat().st_mode & WRITABLE or not os.access(folder, os.W_OK | os.X_OK):
        raise PrinciplesError(
            f"{path}: its folder {folder} is read-only, so the file cannot be replaced; nothing was written",
            f"If it is yours to change: chmod u+w {folder}",
        )


def beside(place: Path) -> frozenset[Path]:
    """The files that writing this one makes and removes, itself among them."""
    return frozenset({place, aside_of(place), _lock_of(place)})


@contextlib.contextmanager
def locked(path: Path, place: Path) -> Iterator[None]:
    """Have commands that write the same file wait for each other.

    Args:
        path: As it was named.
        place: Where it is.

    Raises:
        PrinciplesError: Another command has been writing it for too long.
        OSError: Its folder cannot be written.
    """
    lock = FileLock(_lock_of(place), timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise PrinciplesError(
            f"{path}: another constitution command is writing it; nothing was written",
            "Run the same command again.",
        ) from None
    try:
        yield
    finally:
        # While it is held: whoever has opened it meanwhile finds that it has no name, and opens a new one.
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _lock_of(place: Path) -> Path:
    return place.with_name(f".{place.name}.lock")
