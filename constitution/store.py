"""A run's folder: every finished model call, every finished row, for each of the two stages.

SL stage            RL stage
manifest.json       compare.json            settings, digests of all that changes rows, the model's identity, the rows
calls.jsonl         compare-calls.jsonl     every finished model call, written before its answer is used
transcripts.jsonl   comparisons.jsonl       every finished row; in the RL stage a line a comparison
failures.jsonl      compare-failures.jsonl  every row that failed; the last word on a row counts
filtered.jsonl      compare-filtered.jsonl  every row that can never be run
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from filelock import FileLock, Timeout

from constitution.counts import Counts
from constitution.errors import RunError
from constitution.journal import Journal, read_records, records_at
from constitution.manifest import COMPARE, REVISE, Manifest, Stage, has_stage, load_manifest, write_manifest
from constitution.records import Call, Choice, Comparison, Completion, Failure, Filtered, Transcript

# What may lie in a folder whose run had no time to write its manifest.
OURS = frozenset({".lock", "manifest.tmp", "compare.tmp"})

Outcome = Transcript | Comparison | Failure | Filtered
AnyOutcome = TypeVar("AnyOutcome", Transcript, Comparison)


class Run:
    """One stage of a run's folder, open for writing by this process alone. Use it as a context manager.

    Args:
        folder: Made if it does not exist.
        stage: Whose files are written.

    Attributes:
        done: Ids of finished rows; likewise `failed` and `filtered`.
        failures: How often each row failed on earlier starts.
        calls_made: Calls journalled since this process began, those found in the journal not counted.

    Raises:
        RunError: It cannot be made or written, or another process is writing it.
    """

    def __init__(self, folder: Path, stage: Stage = REVISE) -> None:
        self.folder = folder
        self.stage = stage
        self.calls_made = 0
        self._journals: list[Journal] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in OURS]
            if foreign and not (has_stage(folder, REVISE) or has_stage(folder, COMPARE)):
                raise RunError(f"{folder}: not empty, and not a run (found {foreign[0]})", stage.elsewhere)
            self._lock = FileLock(folder / ".lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise RunError(
                f"{folder}: another process is writing this run", "Wait until it is done, or stop it."
            ) from None
        except OSError as bad:
            raise RunError(f"{folder}: cannot be written: {bad.strerror}", stage.elsewhere) from None

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

    def changes(self, affecting: Mapping[str, object]) -> list[str]:
        """What changes rows and differs from the stage that is in the folder, a line each; none if there is none."""
        if not has_stage(self.folder, self.stage):
            return []
        before = load_manifest(self.folder, self.stage).affecting
        return [
            f"  {name}: {json.dumps(before.get(name))} → {json.dumps(now)}"
            for name, now in sorted(affecting.items())
            if before.get(name) != now
        ]

    def check(self, affecting: Mapping[str, object]) -> None:
        """Compare what changes rows, as far as it is known yet, with the stage that is in the folder, if there is one.

        Raises:
            RunError: Lists each value that differs.
        """
        if changes := self.changes(affecting):
            what = "a run" if self.stage is REVISE else "comparisons"
            raise RunError(
                "\n".join([f"{self.folder} holds {what} made by other settings:", *changes]),
                f"Give the old settings to go on, or {self.stage.again.format(shlex.quote(str(self.folder)))}",
            )

    def begin(self, manifest: Manifest) -> None:
        """Write the manifest of a new stage, or check it against the one that is there; then open the journals.

        Raises:
            RunError: The stage was begun with other settings; lists each that differs.
        """
        self.check(manifest.affecting)
        if not has_stage(self.folder, self.stage):
            write_manifest(self.folder, self.stage, manifest)
        for journal in self._journals:
            journal.close()
        stage = self.stage
        names = (stage.calls, stage.outcomes, stage.failures, stage.filtered)
        self._journals = [Journal(self.folder / name) for name in names]
        self._calls, self._outcomes, self._failures, self._filtered = self._journals
        self.done, self.failed, self.filtered = _row_states(self.folder, stage)
        # How often each row failed on earlier starts: a row that failed gets as many new attempts each time.
        self.failures = Counter(record.id for record in read_records(self.folder / stage.failures, Failure))
        # Comparisons of rows that were stopped between two of them.
        self._written: dict[str, set[str]] = {}
        if stage is COMPARE:
            for comparison in read_records(self.folder / stage.outcomes, Comparison):
                if comparison.row not in self.done:
                    self._written.setdefault(comparison.row, set()).add(comparison.id)
        # Finished rows need no calls any more: only those of unfinished rows are kept in memory.
        self._answers: dict[str, dict[tuple[str, str], Call]] = {}
        # Answers of another run that are not in this run's journal yet.
        self._borrowed: set[tuple[str, str, str]] = set()
        for call in read_records(self.folder / stage.calls, Call):
            self._remember(call)

    def grow(self, rows: int) -> None:
        """Take note that there are more rows than when the stage was begun."""
        manifest = load_manifest(self.folder, self.stage)
        if rows != manifest.input:
            write_manifest(self.folder, self.stage, manifest.model_copy(update={"input": rows}))

    def settle(self, name: str, value: object) -> None:
        """Add to the manifest what changes rows but is known only now, such as the identity of a model.

        Raises:
            RunError: It was another value before.
        """
        manifest = load_manifest(self.folder, self.stage)
        if name in manifest.affecting:
            self.check({name: value})
        else:
            known = manifest.affecting | {name: value}
            write_manifest(self.folder, self.stage, manifest.model_copy(update={"affecting": known}))

    def fork(self, other: Path) -> None:
        """Take over another run's finished calls; those that still match will not be made again.

        Raises:
            RunError: `other` is not a run.
        """
        load_manifest(other, self.stage)
        for call in read_records(other / self.stage.calls, Call):
            if self._find(call.row, call.step, call.digest) is None:
                self._remember(call)
                self._borrowed.add((call.row, call.step, call.digest))

    def answer(self, row: str, step: str, digest: str) -> Completion | None:
        """The journalled answer to this very call of `generate`, if there is one."""
        call = self._find(row, step, digest)
        return call.completion if call else None

    def choice(self, row: str, step: str, digest: str) -> Choice | None:
        """The journalled answer to this very call of `choose`, if there is one."""
        call = self._find(row, step, digest)
        return call.choice if call else None

    def keep(self, record: Call | Outcome) -> None:
        """Journal a record; a finished row's calls are forgotten."""
        match record:
            case Call():
                self._calls.append(record)
                self.calls_made += 1
                self._remember(record)
            case Transcript():
                self._outcomes.append(record)
                self._finish(record.id)
            case Comparison():
                written = self._written.setdefault(record.row, set())
                if record.id not in written:
                    self._outcomes.append(record)
                    written.add(record.id)
                if len(written) == record.pairs:
                    del self._written[record.row]
                    self._finish(record.row)
            case Failure():
                self._failures.append(record)
                self.failed.add(record.id)
            case Filtered():
                self._filtered.append(record)
                self.filtered.add(record.id)
                self.failed.discard(record.id)

    def counts(self, rows: int) -> Counts:
        """Where the stage's rows are, of `rows` in all."""
        return Counts(input=rows, done=len(self.done), failed=len(self.failed), filtered=len(self.filtered))

    def _finish(self, row: str) -> None:
        self.done.add(row)
        self.failed.discard(row)
        self._answers.pop(row, None)

    def _find(self, row: str, step: str, digest: str) -> Call | None:
        call = self._answers.get(row, {}).get((step, digest))
        if call and (row, step, digest) in self._borrowed:
            # From here on it is this run's own: a later start needs no --fork to find it.
            self._borrowed.discard((row, step, digest))
            self._calls.append(call)
        return call

    def _remember(self, call: Call) -> None:
        if call.row not in self.done and call.row not in self.filtered:
            self._answers.setdefault(call.row, {})[call.step, call.digest] = call


def count(folder: Path, stage: Stage = REVISE) -> Counts:
    """Where the stage's rows are.

    Raises:
        RunError: The folder is not a run, or has no such stage.
    """
    rows = load_manifest(folder, stage).input
    done, failed, filtered = _row_states(folder, stage)
    return Counts(input=rows, done=len(done), failed=len(failed), filtered=len(filtered))


def transcripts(folder: Path) -> Iterator[Transcript]:
    """The finished rows in the order of the input, which is not the order in which they finished.

    Only positions are held, not rows.
    """
    return _in_order(folder / REVISE.outcomes, Transcript)


def comparisons(folder: Path) -> Iterator[Comparison]:
    """The comparisons in the order of the input, those of one row together."""
    return _in_order(folder / COMPARE.outcomes, Comparison)


def _in_order(path: Path, kind: type[AnyOutcome]) -> Iterator[AnyOutcome]:
    places = sorted((record.index, offset) for offset, record in records_at(path, kind))
    if not places:
        return
    with path.open("rb") as file:
        for _, offset in places:
            file.seek(offset)
            yield kind.model_validate_json(file.readline())


def _row_states(folder: Path, stage: Stage) -> tuple[set[str], set[str], set[str]]:
    """Ids of the rows that are done, failed, filtered; a row is in one of them at most."""
    if stage is REVISE:
        done = {record.id for record in read_records(folder / stage.outcomes, Transcript)}
    else:
        # A row is done when all its comparisons are there.
        lacking: dict[str, int] = {}
        for record in read_records(folder / stage.outcomes, Comparison):
            lacking[record.row] = lacking.get(record.row, record.pairs) - 1
        done = {row for row, number in lacking.items() if number == 0}
    filtered = {record.id for record in read_records(folder / stage.filtered, Filtered)}
    failed = {record.id for record in read_records(folder / stage.failures, Failure)}
    return done, failed - done - filtered, filtered
