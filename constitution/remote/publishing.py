"""Finished files and folders for a URL: made on this machine, then uploaded."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from constitution.errors import ExportError, RunError, Unreachable
from constitution.remote.addresses import is_url, masked
from constitution.remote.folder import RemoteFolder


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    """A folder to be made; if the name is a URL, it is uploaded as the block ends well.

    Raises:
        Unreachable: The URL cannot be written: told before the block, if it is so by then; else what was uploaded is
            removed.
        ExportError: Something lies there.
    """
    if not is_url(name):
        yield Path(name)
        return
    there = RemoteFolder(name)
    if there.holds_anything():
        raise ExportError(f"{there}: not empty", "Choose another URL with --to, or remove what is there.")
    there.probe()
    with tempfile.TemporaryDirectory(prefix="constitution-") as above:
        folder = Path(above) / "made"
        yield folder
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        try:
            for name in names:
                there.upload(name, folder / name)
        except BaseException:
            # Half of it would be in the way of the next attempt. What fails here failed above, which is told.
            for name in names:
                with suppress(Unreachable):
                    there.remove(name)
            raise


@contextmanager
def file_for(name: str) -> Iterator[Path]:
    """A file to be written; if the name is a URL, with what is there, and uploaded as the block ends well.

    Raises:
        Unreachable: The URL cannot be read or written.
    """
    if not is_url(name):
        yield Path(name)
        return
    above, _, last = name.rpartition("/")
    if not last or above.endswith(":/"):
        raise RunError(f"{masked(name)}: names no file", "For example: s3://BUCKET/report.html")
    there = RemoteFolder(above)
    there.probe()
    with tempfile.TemporaryDirectory(prefix="constitution-") as folder:
        path = Path(folder) / last
        if (before := there.read(last)) is not None:
            path.write_bytes(before)
        yield path
        there.upload(last, path)
