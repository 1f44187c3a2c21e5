"""Files that are there whole or not at all, also after a power cut."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def write_whole(
    path: Path,
    text: str,
    aside: Path | None = None,
    mode: int | None = None,
    last: Callable[[], None] | None = None,
) -> None:
    """Write a file aside, flush it to the disk, and put it in the place of what was there.

    Args:
        path: Of the file. What was there stays until the new text is on the disk.
        text: UTF-8; line ends are written as they are.
        aside: The file that is written first, and renamed: on the same disk, and nobody else's. Default: the same name
            with the ending `.tmp`.
        mode: The file's permissions, from before the first character is in it. Default: the process's usual ones.
        last: Called when all is on the disk and only the renaming is left; whatever it raises stops that.

    Raises:
        OSError: It cannot be written; what was there is untouched.
    """
    aside = aside or path.with_suffix(".tmp")
    try:
        # Left by a process that was killed; never written through, as it might be a link.
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="utf-8", newline="") as file:
            if mode is not None:
                aside.chmod(mode)
            file.write(text)
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
