"""A run's folder that is there whole or not at all, also after a power cut."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from constitution.durable import aside_of, make_folder, sync
from constitution.errors import FolderTaken
from constitution.run_folder import check_entry
from constitution.writer_lock import HOLDER, LOCK, WriterLock


@contextmanager
def put_in_place(out: Path) -> Iterator[Path]:
    """A folder to write into, which gets the name `out` in the end; if anything is raised, it is taken away.

    Raises:
        FolderTaken: It cannot be made, or somebody else has taken the name meanwhile.
        RunError: Another process is joining shards into this very run.
    """
    aside = aside_of(out)
    elsewhere = "Choose another folder, with --out."
    check_entry(aside)
    try:
        make_folder(aside)
        lock = WriterLock(aside)
    except OSError as bad:
        with suppress(OSError):
            for name in (HOLDER, LOCK):
                (aside / name).unlink(missing_ok=True)
            aside.rmdir()
        raise FolderTaken(f"{out}: cannot be written: {bad.strerror}", elsewhere) from None
    try:
        try:
            # What a killed process left.
            for path in aside.iterdir():
                if path.name not in (LOCK, HOLDER):
                    path.unlink()
        except OSError as bad:
            raise FolderTaken(f"{aside}: cannot be emptied: {bad.strerror}", elsewhere) from None
        yield aside
        try:
            sync(aside)
            if os.name != "posix":
                # Windows renames no folder in which a file is open.
                lock.release()
            if out.exists():
                out.rmdir()
            aside.rename(out)
            sync(out.parent)
        except OSError as bad:
            raise FolderTaken(f"{out}: cannot be put in place: {bad.strerror}", elsewhere) from None
        with suppress(OSError):
            (out / HOLDER).unlink(missing_ok=True)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    finally:
        lock.release()
