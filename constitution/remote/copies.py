"""Working copies: a run at a URL is read and written in a folder of this machine, which stays between commands.

Beside the folder NAME-HASH lie `NAME-HASH.json`, which says whose copy it is, and two locks: `.restore` while it is
brought up to date, `.mirror` while a process keeps the URL up to date with it.
"""

import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from constitution.digests import digest
from constitution.durable import make_folder, write_whole
from constitution.errors import ConfigError, RunError, Unreachable, unwritable
from constitution.records import Record
from constitution.remote.addresses import is_url, masked
from constitution.run_folder import OWN_FOLDERS, check_entries

# Characters of a URL's last part in the copy's name, and of the hash of all of it.
NAME_LENGTH, HASH_LENGTH = 40, 12
# How long another process of this machine may take to fetch the same run.
RESTORE_SECONDS = 3600.0


class FileState(Record):
    """What tells that a file was not written since: its size in bytes, its time in nanoseconds."""

    size: int
    time: int


class Link(Record):
    """What a working copy belongs to.

    Attributes:
        url: The run's.
        writer: The copy's own name, which the holder at the URL bears as long as nobody else has written there.
        files: The copy's files when it was last the same as the URL.
        listing: Digest of what lay at the URL then.
    """

    url: str
    writer: str
    files: Mapping[str, FileState] = Field(default_factory=dict)
    listing: str = ""


class Copy:
    """The working copy of a run.

    Args:
        folder: Of the copy; in `runs_folder()`.
        url: The run's.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._path = folder.with_name(f"{folder.name}.json")
        link = _read_link(self._path)
        self.link = link if link and link.url == url else Link(url=url, writer=uuid.uuid4().hex)

    def save(self, **changes: object) -> None:
        """Write down what it belongs to.

        Raises:
            RunError: The disk fails.
        """
        self.link = self.link.model_copy(update=changes)
        try:
            make_folder(self._path.parent)
            write_whole(self._path, self.link.model_dump_json() + "\n")
        except OSError as bad:
            raise unwritable(self._path, bad) from None

    def names(self) -> list[str]:
        """The paths of its journals and small files, in the folder; those of the deepest folders first."""
        if not self.folder.is_dir():
            return []
        check_entries(self.folder)
        return sorted(self._found(), key=lambda name: (-name.count("/"), name))

    def states(self) -> dict[str, FileState]:
        """What tells whether its files were written since."""
        return {name: _state(self.folder / name) for name in self.names()}

    def lock(self, what: str, seconds: float) -> FileLock | None:
        """A lock of this machine's, held; None if another process has it for longer.

        Raises:
            RunError: The disk fails.
        """
        path = self._path.with_suffix(f".{what}")
        try:
            make_folder(path.parent)
            # A view begins to upload on one thread, and ends on another.
            lock = FileLock(path, timeout=seconds, thread_local=False)
            lock.acquire()
        except Timeout:
            return None
        except OSError as bad:
            raise unwritable(path, bad) from None
        return lock

    def _found(self) -> Iterator[str]:
        """Hidden files are a machine's own, and so is what people keep in a run's folder."""
        tops = [self.folder, *(self.folder / name for name in OWN_FOLDERS)]
        for top in tops:
            for above, folders, files in os.walk(top):
                if top == self.folder:
                    folders.clear()
                for name in files:
                    if name.endswith((".json", ".jsonl")) and not name.startswith("."):
                        yield (Path(above) / name).relative_to(self.folder).as_posix()


def copy_at(url: str) -> Copy:
    """The working copy of the run at a URL; it need not be there.

    Raises:
        ConfigError: The URL holds a secret.
    """
    url = url.rstrip("/")
    if masked(url) != url or "?" in url:
        raise ConfigError(
            f"{masked(url)}: a run's URL holds no user, password or query, as it is written down",
            "Give them in the environment, or in ~/.config/fsspec/conf.json (see fsspec's documentation).",
        )
    last = re.sub(r"[^A-Za-z0-9._-]+", "-", url.rpartition("/")[2])[:NAME_LENGTH]
    return Copy(runs_folder() / f"{last}-{digest(url)[:HASH_LENGTH]}", url)


def copy_in(folder: Path) -> Copy | None:
    """The working copy that a folder is; None if it is a run of its own."""
    folder = folder.absolute()
    if folder.parent != runs_folder().absolute():
        return None
    link = _read_link(folder.with_name(f"{folder.name}.json"))
    return Copy(folder, link.url) if link else None


def name_of(run: Path) -> str:
    """What people call a run: the URL that its folder is the working copy of, else the folder."""
    copy = copy_in(run)
    return copy.url if copy else str(run)


def runs_folder() -> Path:
    """Where working copies are."""
    home = os.environ.get("XDG_DATA_HOME", "")
    # As its specification says, a relative one does not count.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share"
    return base / "constitution" / "runs"


def local_folder(name: str, new: bool = False) -> Path:
    """The folder of a run: of a URL, its working copy, brought up to date.

    Args:
        name: A path, or a URL.
        new: Whether a run need not be there yet.

    Raises:
        RunError: There is no run at the URL, the copy and it went different ways, or the disk fails.
        Unreachable: It cannot be read.
        ConfigError: The URL holds a secret.
    """
    if not is_url(name):
        return Path(name)
    from constitution.remote.restoring import restore

    copy = copy_at(name)
    try:
        bring_up_to_date(copy, restore)
    except Unreachable as bad:
        if copy.names():
            # Without the network, it is at hand all the same.
            raise Unreachable(bad.message, f"{bad.hint} What this machine has of the run: {copy.folder}") from None
        raise
    if new:
        copy.save()
    elif not copy.names():
        raise RunError(f"{copy.url}: no run there", "Give a URL that constitution generate --out wrote to.")
    return copy.folder


def bring_up_to_date(copy: Copy, restore: Callable[[Copy], None]) -> None:
    """Call `restore`, unless another process of this machine keeps the URL up to date with the copy.

    Raises:
        RunError: Another process takes too long to fetch the run.
    """
    restoring = _restore_lock(copy)
    try:
        mirroring = copy.lock("mirror", 0)
        if mirroring is None:
            return
        try:
            restore(copy)
        finally:
            mirroring.release()
    finally:
        restoring.release()


def mirror_lock(copy: Copy) -> FileLock | None:
    """The right to keep the URL up to date with a copy; None if another process of this machine has it.

    Raises:
        RunError: Another process takes too long to fetch the run.
    """
    # Who only fetches the run holds both, and is soon done.
    restoring = _restore_lock(copy)
    try:
        return copy.lock("mirror", 0.2)
    finally:
        restoring.release()


def _restore_lock(copy: Copy) -> FileLock:
    restoring = copy.lock("restore", RESTORE_SECONDS)
    if restoring is None:
        raise RunError(f"{copy.folder}: another process has been fetching this run for an hour", "Look what it does.")
    return restoring


def _read_link(path: Path) -> Link | None:
    try:
        return Link.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _state(path: Path) -> FileState:
    try:
        told = path.stat()
    except FileNotFoundError:
        # Moved aside by the process that writes.
        return FileState(size=-1, time=0)
    return FileState(size=told.st_size, time=told.st_mtime_ns)
