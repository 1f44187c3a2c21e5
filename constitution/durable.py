"""Files that are there whole or not at all, also after a power cut."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path


def write_whole(
    path: Path,
    text: str | bytes,
    aside: Path | None = None,
    like: Path | None = None,
    last: Callable[[], None] | None = None,
) -> None:
    """Write a file aside, flush it to the disk, and put it in the place of what was there.

    Args:
        path: Of the file. What was there stays until the new text is on the disk.
        text: Written as UTF-8, line ends as they are; bytes as they are.
        aside: The file that is written first, and renamed: on the same disk, and nobody else's. Default: `aside_of`.
        like: A file whose permissions the new one has from before the first character is in it, and, as far as the
            system allows that, its owner and group. Default: the process's usual ones.
        last: Called when all is on the disk and only the renaming is left; whatever it raises stops that.

    Raises:
        OSError: It cannot be written; what was there is untouched.
    """
    aside = aside or aside_of(path)
    try:
        # Left by a process that was killed; never written through, as it might be a link.
        aside.unlink(missing_ok=True)
        # Nobody else may open it as long as it has not the permissions that it is to have.
        mode = 0o600 if like else 0o666
        with open(aside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if like:
                _make_like(aside, like.stat())
            file.write(text if isinstance(text, bytes) else text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if last:
            last()
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def aside_of(path: Path) -> Path:
    """The file that is written first: hidden, and with the whole name, so that it is nobody's by accident."""
    return path.with_name(f".{path.name}.tmp")


def _make_like(path: Path, other: os.stat_result) -> None:
    # Windows has no such owners.
    if hasattr(os, "chown"):
        try:
            os.chown(path, other.st_uid, other.st_gid)
        except PermissionError:
            # A group may be one of several of the user's own; only an administrator gives files away.
            with contextlib.suppress(PermissionError):
                os.chown(path, -1, other.st_gid)
    # Last, as a new owner takes some permissions away.
    path.chmod(stat.S_IMODE(other.st_mode))


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk: without the latter, a new or renamed file may be gone.

    Raises:
        OSError: The disk fails.
    """
    if os.name != "posix" and path.is_dir():
        # Windows opens no folders; there, renaming is journalled by the file system.
        return
    # Windows flushes only what is open for writing; a folder can be opened for reading only.
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are not there yet.

    Raises:
        OSError: It cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent)
