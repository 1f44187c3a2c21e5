"""A stage of a run's folder as the one process that writes it sees it: what is there, what is owed, what is added."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from constitution.counts import Counts
from constitution.durable import aside_of, make_folder
from constitution.errors import FolderTaken, RunError, SettingsDiffer
from constitution.group_commit import GroupCommit
from constitution.journal import Journal, has_records, parse, read_lines, read_records
from constitution.lending import Lender
from constitution.manifest import (
    COMPARE,
    PRINCIPLES,
    REVISE,
    Manifest,
    Stage,
    differences,
    has_stage,
    load_manifest,
    principle_differences,
    write_manifest,
)
from constitution.principles import PrincipleSet
from constitution.records import Call, Comparison, Failure, Filtered, Record, Row, Transcript
from constitution.replaced import put_back, set_aside
from constitution.row_states import RowStates, State, read_states
from constitution.run_folder import check_folder
from constitution.score_records import Scores
from constitution.writer_lock import HOLDER, LOCK, WriterLock

_FIRST = [Path(name) for name in (HOLDER, "manifest.json", "compare.json", "score.json", "expand.json")]
# What may lie in a folder whose run had no time to write its manifest; `NAME.tmp` is how earlier versions wrote aside.
OURS = {LOCK, HOLDER, *(aside_of(path).name for path in _FIRST), *(path.with_suffix(".tmp").name for path in _FIRST)}

Outcome = Transcript | Comparison | Scores | Failure | Filtered
AnyRecord = TypeVar("AnyRecord", bound=Record)


class Run:
    """One stage of a run's folder, open for writing by this process alone. Use it as a context manager.

    Args:
        folder: Made if it does not exist.
        stage: Whose files are written.

    Attributes:
        failures: How often each row failed on earlier starts, by id.
        calls_made: Calls journalled since this process began, those found in the journal not counted.
        lost: The failures of this start's rows, in the RL stage, where rows have several turns.

    Raises:
        RunError: It cannot be made or written, or another process is writing it.
    """

    def __init__(self, folder: Path, stage: Stage = REVISE) -> None:
        self.folder = folder
        self.stage = stage
        self.calls_made = 0
        self._journals: list[Journal] = []
        self._states = RowStates()
        # The failed rows that this start tries again, by position; None: it runs the pending ones.
        self._again: set[int] | None = None
        self.lost: list[Failure] = []
        self._lender: Lender | None = None
        check_folder(folder)
        try:
            self._new = not folder.exists()
            make_folder(folder)
            foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in OURS]
            if foreign and not any(has_stage(folder, one) for one in (REVISE, COMPARE, stage)):
                raise FolderTaken(f"{folder}: not empty, and not a run (found {foreign[0]})", stage.elsewhere)
            self._lock = WriterLock(folder)
        except OSError as bad:
            raise FolderTaken(f"{folder}: cannot be written: {bad.strerror}", stage.elsewhere) from None
        self._commit = GroupCommit(self._sync)

    def __enter__(self) -> Self:
        """The folder is this process's already; `begin` opens the journals."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Flush, close, unlock; a folder that was made for a run which never began is taken away again."""
        with ExitStack() as stack:
            unused = self._new and not has_stage(self.folder, self.stage)
            stack.callback(self._lock.release, remove=unused)
            for journal in self._journals:
                stack.callback(journal.close)
            self._commit.close()

    async def flushed(self) -> None:
        """Wait until all that was kept so far is on the disk.

        Raises:
            RunError: The disk fails.
        """
        await self._commit.wait()

    def changes(self, affecting: Mapping[str, object]) -> list[str]:
        """What changes rows and differs from the stage that is in the folder, a line each; none if there is none."""
        if not has_stage(self.folder, self.stage):
            return []
        return list(differences(load_manifest(self.folder, self.stage).affecting, affecting))

    def check(self, affecting: Mapping[str, object], principles: PrincipleSet | None = None) -> None:
        """Compare what changes rows, as far as it is known yet, with the stage that is in the folder, if there is one.

        Args:
            affecting: By name.
            principles: Whose digest is among it: then a refusal tells what changed in them.

        Raises:
            RunError: Lists each value that differs.
        """
        if changes := self.changes(affecting):
            place = next((n for n, line in enumerate(changes, 1) if line.startswith(f"  {PRINCIPLES}:")), None)
            if place is not None:
                before = load_manifest(self.folder, self.stage).principles
                changes[place:place] = principle_differences(before, principles)
            raise SettingsDiffer(
                "\n".join([f"{self.folder} holds {self.stage.what} made by other settings:", *changes]),
                f"Give the old settings to go on, or {self.stage.again.format(shlex.quote(str(self.folder)))}",
            )

    def begin(self, manifest: Manifest, retry_failed: bool = False) -> None:
        """Write the manifest of a new stage, or check it against the one that is there; then open the journals.

        Args:
            manifest: Of the stage.
            retry_failed: Whether this start runs the rows that have failed so far, and no others. They stay failed
                until they are done, or filtered.

        Raises:
            RunError: The stage was begun with other settings; lists each that differs.
        """
        self.check(manifest.affecting, manifest.principles)
        if not has_stage(self.folder, self.stage):
            if has_records(self.folder / self.stage.outcomes):
                outcomes, lacks = self.stage.outcomes, self.stage.manifest
                raise RunError(
                    f"{self.folder}: holds {outcomes}, but no {lacks}, which says how it was made",
                    f"Bring {lacks} back from a copy, or choose another folder.",
                )
            write_manifest(self.folder, self.stage, manifest)
        self._close()
        stage = self.stage
        names = (stage.calls, stage.outcomes, stage.failures, stage.filtered)
        self._journals = [Journal(self.folder / name) for name in names]
        self._calls, self._outcomes, self._failures, self._filtered = self._journals
        self._states = read_states(self.folder, stage)
        self._again = set(self._states.of(State.FAILED)) if retry_failed else None
        # How often each row failed on earlier starts: a row that failed gets as many new attempts each time.
        self.failures = Counter(record.id for record in read_records(self.folder / stage.failures, Failure))
        # Comparisons of rows that were stopped between two of them.
        self._written: dict[str, set[str]] = {}
        if stage is COMPARE:
            for comparison in self._owed(stage.outcomes, Comparison):
                self._written.setdefault(comparison.row, set()).add(comparison.id)
        # Only calls of rows that are yet to be run are kept in memory.
        self._answers: dict[str, dict[tuple[str, str], Call]] = {}
        for call in self._owed(stage.calls, Call):
            self._remember(call)

    def owes(self, index: int) -> bool:
        """Whether this start is to run the row at this position of the input."""
        return self._states[index] is State.PENDING if self._again is None else index in self._again

    def set_aside(self) -> Path:
        """Move what came of the stage into a folder in `replaced`, so that it can begin anew; its calls stay."""
        self._close()
        return set_aside(self.folder, self.stage)

    def put_back(self, aside: Path) -> None:
        """Undo `set_aside`; what was written since, but for calls, is forgotten."""
        self._close()
        put_back(self.folder, self.stage, aside)

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

    def reuse(self, other: Path) -> None:
        """Take over another run's finished calls; those that still match will not be made again.

        Raises:
            RunError: `other` is not a run.
        """
        load_manifest(other, self.stage)
        self._lender = Lender(other / self.stage.calls)

    def known(self, row: Row) -> tuple[list[Call], list[Call]]:
        """The finished calls of a row, and those of the run whose calls are reused."""
        return list(self._answers.get(row.id, {}).values()), list(self._lender.of(row)) if self._lender else []

    def keep(self, record: Call | Outcome) -> None:
        """Journal a record; a finished row's calls are forgotten."""
        match record:
            case Call():
                self._calls.append(record)
                self.calls_made += 1
                self._remember(record)
            case Transcript() | Scores():
                self._outcomes.append(record)
                self._settle(record.id, record.index, State.DONE)
            case Comparison():
                written = self._written.setdefault(record.row, set())
                if record.id not in written:
                    self._outcomes.append(record)
                    written.add(record.id)
                if len(written) == record.pairs:
                    del self._written[record.row]
                    self._settle(record.row, record.index, State.DONE)
            case Failure():
                self._failures.append(record)
                if self.stage is COMPARE:
                    self.lost.append(record)
                self._settle(record.id, record.index, State.FAILED)
            case Filtered():
                self._filtered.append(record)
                self._settle(record.id, record.index, State.FILTERED)

    @property
    def owed(self) -> int | None:
        """How many rows a retry has yet to run; None if this start is no retry."""
        return None if self._again is None else len(self._again)

    def counts(self, rows: int) -> Counts:
        """Where the stage's rows are, of `rows` in all."""
        return self._states.counts(rows)

    def _close(self) -> None:
        for journal in self._journals:
            journal.close()
        self._journals = []

    def _sync(self) -> None:
        for journal in self._journals:
            journal.sync()

    def _settle(self, row: str, index: int, state: State) -> None:
        self._states[index] = state
        self._answers.pop(row, None)
        if self._again is not None:
            self._again.discard(index)

    def find(self, row: Row, step: str, digest: str) -> Call | None:
        """The journalled call with this very question, if there is one."""
        if own := self._answers.get(row.id, {}).get((step, digest)):
            return own
        lent = self._lender.find(row, step, digest) if self._lender else None
        if lent:
            self.adopt(lent)
        return lent

    def adopt(self, call: Call) -> None:
        """Make another run's call this run's own: a later start needs no --fork to find it."""
        self._calls.append(call)
        self._remember(call)

    def _remember(self, call: Call) -> None:
        self._answers.setdefault(call.row, {})[call.step, call.digest] = call

    def _owed(self, name: str, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
        """The records of rows that this start is to run; of the others only the head is read."""
        path = self.folder / name
        for line in read_lines(path):
            if self.owes(line.position):
                yield parse(path, line, kind)
