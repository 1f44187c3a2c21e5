"""A run's folder: what was asked for, every finished model call, every finished row.

manifest.json       settings, digests of all that changes rows, the model's identity, the number of rows
calls.jsonl         every finished model call, written before its answer is used
transcripts.jsonl   every finished row
failures.jsonl      every row that failed; the last word on a row counts
filtered.jsonl      every row that can never be run
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import JsonValue, ValidationError

from constitution.errors import RunError
from constitution.journal import Journal, read_records, records_at
from constitution.records import Call, Completion, Counts, Failure, Filtered, Record, Transcript


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

    Raises:
        RunError: It cannot be made or written, or another process is writing it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
        """Open the journals and learn what is already done."""
        self._calls = Journal(self.folder / "calls.jsonl")
        self._transcripts = Journal(self.folder / "transcripts.jsonl")
        self._failures = Journal(self.folder / "failures.jsonl")
        self._filtered = Journal(self.folder / "filtered.jsonl")
        progress = _row_states(self.folder)
        self.done, self.failed, self.filtered = progress
        # Finished rows need no calls any more: only those of unfinished rows are kept in memory.
        self._answers: dict[str, dict[tuple[str, str], Completion]] = {}
        self._recall(self.folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Flush, close, unlock."""
        for journal in (self._calls, self._transcripts, self._failures, self._filtered):
            journal.close()
        self._lock.release()

    def begin(self, manifest: Manifest) -> None:
        """Write the manifest of a new run, or check it against the one that is there.

        Raises:
            RunError: The run was made by other settings; lists each that differs.
        """
        path = self.folder / "manifest.json"
        if not path.exists():
            others = [p.name for p in self.folder.iterdir() if not p.name.startswith(".") and p.stat().st_size]
            if others:
                raise RunError(f"{self.folder}: not empty, and not a run (found {others[0]})", "Choose another --out.")
            # Never half a manifest: written aside, then renamed.
            aside = path.with_suffix(".tmp")
            aside.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
            aside.replace(path)
            return
        before = load_manifest(self.folder).affecting
        names = sorted(before.keys() | manifest.affecting.keys())
        changes = [
            f"  {name}: {json.dumps(before.get(name))} → {json.dumps(manifest.affecting.get(name))}"
            for name in names
            if before.get(name) != manifest.affecting.get(name)
        ]
        if changes:
            raise RunError(
                "\n".join([f"{self.folder} holds a run made by other settings:", *changes]),
                f"Give the old settings to go on with it, or start a new run that reuses its calls where they still "
                f"match: --out NEW --fork {self.folder}",
            )

    def fork(self, other: Path) -> None:
        """Take over another run's finished calls; those that still match will not be made again.

        Raises:
            RunError: `other` is not a run.
        """
        load_manifest(other)
        self._recall(other)

    def answer(self, row: str, step: str, digest: str) -> Completion | None:
        """The journalled answer to this very call, if there is one."""
        return self._answers.get(row, {}).get((step, digest))

    def keep(self, record: Call | Transcript | Failure | Filtered) -> None:
        """Journal a record; a finished row's calls are forgotten."""
        match record:
            case Call():
                self._calls.append(record)
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

    def _recall(self, folder: Path) -> None:
        for call in read_records(folder / "calls.jsonl", Call):
            if call.row not in self.done and call.row not in self.filtered:
                self._remember(call)

    def _remember(self, call: Call) -> None:
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
