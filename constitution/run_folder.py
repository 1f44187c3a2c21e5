"""Whether a run's folder may be used: its name, and what lies in it.

A run may have been made elsewhere and downloaded. A link in it would have this program write to, or read from, wherever
its maker wished; a pipe would have it wait for ever. Folders above may be links: people keep runs on another disk.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from constitution.errors import RunError

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What people said of a run: the one file in it that nothing makes again.
REVIEWS = "reviews.jsonl"
# Folders in a run's folder that are its own throughout; what else people keep there is not looked into.
OWN_FOLDERS = ("replaced", "gold")
KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def check_folder(folder: Path) -> None:
    """Check all that can be checked before a run's folder is made or written; it need not be there.

    Raises:
        RunError: Its name breaks the rule, or it or something in it is a link, a pipe or a device.
    """
    check_name(folder)
    check_entries(folder)


def check_name(folder: Path, hint: str = "For example: --out outputs/harmless-01") -> None:
    """Check the last part of a run's path.

    Raises:
        RunError: It does not fit.
    """
    # Of `.` too: who stands in a run's folder may say so.
    name = folder.absolute().name
    if not NAME.fullmatch(name) or name in (".", ".."):
        raise RunError(
            f"{folder}: a run cannot be called {name!r}: 1 to 64 letters (a-z, A-Z), digits, '.', '_' and '-'",
            hint,
        )


def check_entries(folder: Path) -> None:
    """Check that a run's folder and its files are files and folders of its own; nothing is opened.

    Raises:
        RunError: One of them is a link, a pipe or a device, or the folder cannot be listed.
    """
    try:
        for path in _entries(folder):
            check_entry(path)
    except OSError as bad:
        raise RunError(f"{folder}: cannot be read: {bad.strerror}") from None


def _entries(folder: Path) -> Iterator[Path]:
    """The folder, all that is in it, and all that is below its own folders; links are not followed."""
    yield folder
    if folder.is_dir():
        yield from sorted(folder.iterdir())
    for own in OWN_FOLDERS:
        for above, folders, files in os.walk(folder / own):
            yield from (Path(above) / name for name in sorted(folders + files))


def check_entry(path: Path) -> None:
    """Check one file or folder; it need not be there.

    Raises:
        RunError: It is a link, a pipe or a device.
    """
    try:
        kind = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        # Not there yet, or the process that writes the run has just renamed it.
        return
    if stat.S_ISLNK(kind):
        raise RunError(
            f"{path}: a link to {os.readlink(path)}; a run's folder and what is in it must not be links",
            "Remove the link; if the run is yours, put there what it points to.",
        )
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        what = KINDS.get(stat.S_IFMT(kind), "something else")
        raise RunError(f"{path}: {what}; a run's folder holds files and folders only", "Remove it.")
