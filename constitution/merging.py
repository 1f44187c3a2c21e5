"""Join shards into the run that they are parts of.

Journals are copied line by line, each line verified, shard after shard: a row's lines are in one shard, so that their
order is kept, and the order of rows means nothing. All is written into a folder aside, which gets the run's name when
it is whole on the disk.
"""

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from constitution.counts import Counts
from constitution.errors import ConfigError, FolderTaken, RunError, unwritable
from constitution.journal import Line, parse, read_lines
from constitution.manifest import REVISE, Manifest, Stage, has_stage, load_manifest, write_manifest
from constitution.remote.copies import name_of
from constitution.report.joined_summary import joined, summary_of
from constitution.report.summary import Summary, store_summary
from constitution.reviews import FILE, Review
from constitution.run_folder import check_folder
from constitution.shard_rows import rows_of
from constitution.shard_sets import Part, ShardSet, notes, shard_set, uncapped
from constitution.shards import Shard
from constitution.store import count
from constitution.whole_folder import put_in_place
from constitution.writer_lock import WriterLock

# Bytes of a journal that are written at once.
_BUFFER = 1 << 20
# The weaker, the later.
_PROMISES = ("exact", "best effort", "none")


@dataclass(frozen=True)
class Merged:
    """What came of joining shards.

    Attributes:
        shards: How many were joined.
        missing: Those that were not there; their rows are pending.
        counts: Where the rows of each stage are.
        notes: What is worth knowing, a line each.
    """

    shards: int
    missing: tuple[Shard, ...]
    counts: dict[Stage, Counts]
    notes: tuple[str, ...]


def merge(
    folders: Sequence[Path], out: Path, allow_missing: bool = False, watch: Callable[[int], None] | None = None
) -> Merged:
    """Join shards into a new run; they stay as they are.

    Rows that are pending in a shard are pending in the run, which goes on with them under the shards' settings without
    `shard`, and without caps, which held for each shard alone.

    Args:
        folders: Each shard's; in any order.
        out: The new run's; not there yet, or empty.
        allow_missing: Join what there is; the rows of missing shards are pending.
        watch: For progress: told how many shards are copied.

    Raises:
        ConfigError: A shard is missing or given twice, or `out` lies in one.
        RunError: A folder is not a shard, another process is writing it, or a line of it is damaged; `out` is taken.
        SettingsDiffer: Shards were made by different settings; lists each difference.
    """
    if not folders:
        raise ConfigError("no shards to join", "Name their folders: constitution merge shards/* --out RUN")
    _check_out(out, folders)
    found = shard_set(folders, allow_missing)
    for part in found.parts:
        # Who writes the last one is told of before the first one is copied.
        with _unwritten(part.folder):
            pass
    with put_in_place(out) as aside:
        with ExitStack() as files:
            journals = _Journals(aside, files)
            said: list[tuple[str, bytes]] = []
            counts: dict[Stage, list[Counts]] = {stage: [] for stage in found.manifests}
            summaries: list[Summary] = []
            for copied, part in enumerate(found.parts, 1):
                with _unwritten(part.folder):
                    _check_unchanged(part)
                    for stage in part.manifests:
                        lines = _copy(part, stage, found, journals)
                        counts[stage].append(count(part.folder, stage))
                        if stage is REVISE:
                            summaries.append(summary_of(part.folder, counts[stage][-1], lines))
                    said += ((one.at, line.text) for line, one in _reviews(part.folder))
                if watch:
                    watch(copied)
            if said:
                # In the order in which they were given, as in a run that was never cut.
                said.sort(key=lambda review: review[0])
                journals.write(FILE, (text for _, text in said))
            journals.sync()
        made = {stage: _manifest(found, stage, out) for stage in found.manifests}
        for stage, manifest in made.items():
            write_manifest(aside, stage, manifest)
        counted = {stage: _added(counts[stage], made[stage].input) for stage in made}
        store_summary(aside, joined(summaries, counted[REVISE], made[REVISE].model))
    return Merged(len(found.parts), found.missing, counted, tuple(notes(found)))


def _added(parts: Sequence[Counts], rows: int) -> Counts:
    numbers = {name: sum(getattr(part, name) for part in parts) for name in ("done", "failed", "filtered")}
    return Counts(input=rows, **numbers)


class _Journals:
    """The journals of the new run, opened as they are needed.

    Args:
        folder: Theirs.
        files: Closes them.
    """

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self._folder = folder
        self._files = files
        self._open: dict[str, BinaryIO] = {}

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Add lines to a journal, which is made even if there are none."""
        path = self._folder / name
        try:
            if name not in self._open:
                self._open[name] = path.open("xb", buffering=_BUFFER)
                self._files.callback(_close, self._open[name])
            for line in lines:
                self._open[name].write(line)
        except OSError as bad:
            raise unwritable(path, bad) from None

    def sync(self) -> None:
        """Flush all to the disk."""
        for name, file in self._open.items():
            try:
                file.flush()
                os.fsync(file.fileno())
            except OSError as bad:
                raise unwritable(self._folder / name, bad) from None


def _close(file: BinaryIO) -> None:
    # What is buffered was flushed, or that has failed and was told.
    with suppress(OSError):
        file.close()


def _copy(part: Part, stage: Stage, found: ShardSet, journals: _Journals) -> int:
    """Add a shard's journals of a stage; how many model calls there were.

    Raises:
        RunError: A line is damaged, or of a row that is not the shard's.
    """
    numbers = Counter[str]()

    def lines(name: str) -> Iterator[bytes]:
        for line in _own_lines(part, name, range(found.skip, found.skip + found.rows)):
            numbers[name] += 1
            yield line

    for name in (stage.calls, stage.outcomes, stage.failures, stage.filtered):
        journals.write(name, lines(name))
    return numbers[stage.calls]


def _own_lines(part: Part, name: str, rows: range) -> Iterator[bytes]:
    """The lines of a shard's journal, each verified; `rows` are the positions of the whole input."""
    path = part.folder / name
    for line in read_lines(path):
        if not part.shard.holds(line.position) or line.position not in rows:
            raise RunError(
                f"{path}: the line at byte {line.offset} is of row {line.position + 1} of the input, which is not "
                f"in shard {part.shard}",
                "The file is another shard's: bring this one's back from a copy.",
            )
        yield line.text


def _reviews(folder: Path) -> Iterator[tuple[Line, Review]]:
    path = folder / FILE
    return ((line, parse(path, line, Review)) for line in read_lines(path))


def _manifest(found: ShardSet, stage: Stage, out: Path) -> Manifest:
    """What the new run is: the shards' settings, without `shard` and caps."""
    made = [part.manifests[stage] for part in found.parts if stage in part.manifests]
    kept = found.manifests[stage]
    joined = {
        "created": min(one.created for one in made),
        "determinism": max((one.determinism for one in made), key=_PROMISES.index),
        "input": sum(rows_of(part, stage, found) for part in found.parts),
        "settings": uncapped(kept.settings),
    }
    if stage is REVISE:
        joined |= {
            "input": found.rows,
            "whole": None,
            "settings": uncapped(kept.settings) | {"shard": None, "out": str(out)},
            "affecting": kept.affecting | {"shard": None},
        }
    return kept.model_copy(update=joined)


def _check_unchanged(part: Part) -> None:
    """See that nobody began or replaced a stage since the shards were compared."""
    if any(
        not has_stage(part.folder, one) or load_manifest(part.folder, one) != part.manifests[one]
        for one in part.manifests
    ):
        raise RunError(f"{part.folder}: was changed while shards were joined", "Run the same command again.")


@contextmanager
def _unwritten(folder: Path) -> Iterator[None]:
    """Nobody writes the shard meanwhile.

    Raises:
        RunError: Somebody does; names the process.
    """
    try:
        lock = WriterLock(folder)
    except OSError as bad:
        if bad.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise RunError(f"{folder}: cannot be read: {bad.strerror}") from None
        # A copy that may only be read; whoever may not write it cannot ask for the lock either.
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _check_out(out: Path, shards: Sequence[Path]) -> None:
    check_folder(out)
    # `.` has no name of its own.
    name = name_of(out) if out.name else str(out.absolute())
    hint = f"Choose another folder, for example: --out {name}-2"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderTaken(f"{name}: there already, and not an empty folder", hint)
    if out.resolve() == Path.cwd():
        raise FolderTaken(f"--out {out}: this command runs in that folder, which is to be put in place whole", hint)
    for shard in shards:
        within = name_of(shard)
        if out.resolve().is_relative_to(shard.resolve()) or name.startswith(f"{within}/"):
            hint = f"Choose another folder, for example: --out {within}-joined"
            raise ConfigError(f"--out {name} lies in {within}, which is one of the shards", hint)
