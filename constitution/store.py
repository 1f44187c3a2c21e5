"""A run's folder: what was asked for, every finished model call, every finished row.

manifest.json       settings, digests of all that changes rows, the model's identity, the number of rows
calls.jsonl         every finished model call, written before its answer is used
transcripts.jsonl   every finished row
failures.jsonl      every row that failed; the last word on a row counts
filtered.jsonl      every row that can never be run
"""

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import JsonValue, ValidationError

from constitution.errors import RunError
from constitution.journal import Journal, read_records, records_at
from constitution.records import Call, Completion, Counts, Failure, Filtered, Record, Transcript

JOURNALS = ("calls.jsonl", "transcripts.jsonl", "failures.jsonl", "filtered.jsonl")
# What may lie in a folder whose run had no time to write its manifest.
OURS = frozenset({".lock", "manifest.tmp"})


class Manifest(Record):
    """What a run is.

    Attributes:
        version: The program's version that began the run.
        created: When, UTC, ISO 8601.
        determinism: What the engine promises (see `engines.base.Engine`).
        input: Rows of the input.
        settings: All settings, as first given.
        affecting: What changes rows, by name; a later start must match every value.
    """

    version: str
    created: str
    determinism: str
    input: int
    settings: dict[str, JsonValue]
    affecting: dict[str, JsonValue]

    @property
    def model(self) -> str:
        """The model's name."""
        identity = self.affecting["model (identity)"]
        assert isinstance(identity, dict)
        return str(identity["model"])


class Run:
    """A run's folder, open for writing by this process alone. Use it as a context manager.

    Args:
        folder: Made if it does not exist.

    Attributes:
        done: Ids of finished rows; likewise `failed` and `filtered`.
        failures: How often each row failed on earlier starts.
        calls_made: Calls journalled since this process began, those found in the journal not counted.

    Raises:
        RunError: It cannot be made or written, or another process is writing it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_made = 0
        self._journals: list[Journal] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in OURS]
            if foreign and not (folder / "manifest.json").exists():
                raise RunError(f"{folder}: not empty, and not a run (found {foreign[0]})", "Choose another --out.")
            self._lock = FileLock(folder / ".lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise RunError(
                f"{folder}: another process is writing this run", "Wait for it, or use another --out."
            ) from None
        except OSError as bad:
            raise RunError(
                f"{folder}: cannot be written: {bad.strerror}", "Choose another folder with --out."
            ) from None

    def __enter__(self) -> Self:
        """The folder is this process's already; `begin` opens the journals."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Flush, close, unlock."""
        with ExitStack() as stack:
            stack.callback(self._lock.release)
            for journal in self._journals:
                stack.callback(journal.close)

    def sync(self) -> None:
        """Flush the journals to the disk."""
        for journal in self._journals:
            journal.sync()

    def check(self, affecting: Mapping[str, object]) -> None:
        """Compare what changes rows, as far as it is known yet, with the run that is in the folder, if there is one.

        Raises:
            RunError: Lists each value that differs.
        """
        if not (self.folder / "manifest.json").exists():
            return
        before = load_manifest(self.folder).affecting
        changes = [
            f"  {name}: {json.dumps(before.get(name))} → {json.dumps(now)}"
            for name, now in sorted(affecting.items())
            if before.get(name) != now
        ]
        if changes:
            raise RunError(
                "\n".join([f"{self.folder} holds a run made by other settings:", *changes]),
                "Give the old settings to go on with it, or begin a new run that reuses the calls that still match: "
                f"--out NEW --fork {shlex.quote(str(self.folder))}",
            )

    def begin(self, manifest: Manifest) -> None:
        """Write the manifest of a new run, or check it against the one that is there; then open the journals.

        Raises:
            RunError: The run was made by other settings; lists each that differs.
        """
        self.check(manifest.affecting)
        path = self.folder / "manifest.json"
        if not path.exists():
            # Never half a manifest: written aside, flushed, then renamed.
            aside = path.with_suffix(".tmp")
            with aside.open("w", encoding="utf-8") as file:
                file.write(manifest.model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        self._journals = [Journal(self.folder / name) for name in JOURNALS]
        self._calls, self._transcripts, self._failures, self._filtered = self._journals
        self.done, self.failed, self.filtered = _row_states(self.folder)
        # How often each row failed on earlier starts: a row that failed gets as many new attempts each time.
        self.failures = Counter(record.id for record in read_records(self.folder / "failures.jsonl", Failure))
        # Finished rows need no calls any more: only those of unfinished rows are kept in memory.
        self._answers: dict[str, dict[tuple[str, str], Completion]] = {}
        # Answers of another run that are not in this run's journal yet.
        self._borrowed: set[tuple[str, str, str]] = set()
        for call in read_records(self.folder / "calls.jsonl", Call):
            self._remember(call)

    def fork(self, other: Path) -> None:
        """Take over another run's finished calls; those that still match will not be made again.

        Raises:
            RunError: `other` is not a run.
        """
        load_manifest(other)
        for call in read_records(other / "calls.jsonl", Call):
            if self.answer(call.row, call.step, call.digest) is None:
                self._remember(call)
                self._borrowed.add((call.row, call.step, call.digest))

    def answer(self, row: str, step: str, digest: str) -> Completion | None:
        """The journalled answer to this very call, if there is one."""
        completion = self._answers.get(row, {}).get((step, digest))
        if completion and (row, step, digest) in self._borrowed:
            # From here on it is this run's own: a later start needs no --fork to find it.
            self._borrowed.discard((row, step, digest))
            self._calls.append(Call(row=row, step=step, digest=digest, completion=completion))
        return completion

    def keep(self, record: Call | Transcript | Failure | Filtered) -> None:
        """Journal a record; a finished row's calls are forgotten."""
        match record:
            case Call():
                self._calls.append(record)
                self.calls_made += 1
                self._remember(record)
            case Transcript():
                self._transcripts.append(record)
                self.done.add(record.id)
                self.failed.discard(record.id)
                self._answers.pop(record.id, None)
            case Failure():
                self._failures.append(record)
                self.failed.add(record.id)
            case Filtered():
                self._filtered.append(record)
                self.filtered.add(record.id)
                self.failed.discard(record.id)

    def _remember(self, call: Call) -> None:
        if call.row not in self.done and call.row not in self.filtered:
            self._answers.setdefault(call.row, {})[call.step, call.digest] = call.completion


def load_manifest(folder: Path) -> Manifest:
    """A run's manifest.

    Raises:
        RunError: The folder is not a run, or its manifest is broken.
    """
    path = folder / "manifest.json"
    if not path.exists():
        raise RunError(f"{folder}: not a run (no manifest.json)", "Give a folder that constitution generate wrote.")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as bad:
        raise RunError(f"{path}: cannot be read: {bad}") from None


def new_manifest(
    version: str, determinism: str, rows: int, settings: dict[str, Any], affecting: dict[str, Any]
) -> Manifest:
    """A manifest of this moment."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(
        version=version,
        created=created,
        determinism=determinism,
        input=rows,
        settings=settings,
        affecting=affecting,
    )


def count(folder: Path) -> Counts:
    """Where the run's rows are.

    Raises:
        RunError: The folder is not a run.
    """
    rows = load_manifest(folder).input
    done, failed, filtered = _row_states(folder)
    return Counts(input=rows, done=len(done), failed=len(failed), filtered=len(filtered))


def transcripts(folder: Path) -> Iterator[Transcript]:
    """The finished rows in the order of the input, which is not the order in which they finished.

    Only positions are held, not rows.
    """
    path = folder / "transcripts.jsonl"
    places = sorted((record.index, offset) for offset, record in records_at(path, Transcript))
    if not places:
        return
    with path.open("rb") as file:
        for _, offset in places:
            file.seek(offset)
            yield Transcript.model_validate_json(file.readline())


def _row_states(folder: Path) -> tuple[set[str], set[str], set[str]]:
    """Ids of the rows that are done, failed, filtered; a row is in one of them at most."""
    done = {record.id for record in read_records(folder / "transcripts.jsonl", Transcript)}
    filtered = {record.id for record in read_records(folder / "filtered.jsonl", Filtered)}
    failed = {record.id for record in read_records(folder / "failures.jsonl", Failure)}
    return done, failed - done - filtered, filtered
