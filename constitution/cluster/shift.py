"""A stage's rows as the desk sees them: what was handed out on which line, and what came of it."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from constitution.caps import Spending
from constitution.cluster.frames import Line
from constitution.crew import Job, Seen
from constitution.records import Call, Comparison, Failure, Filtered, Record, Row, Transcript
from constitution.run import Outcome, Run
from constitution.runner import Stop, Tally
from constitution.score_records import Scores

# If so many workers are lost during a row, one after the other and no call finished in between, it is what ends them.
MOST_LOSSES = 5
# After so many it is run alone, so that no other row is lost with it and blamed for it.
SUSPECT_LOSSES = 2
OUTCOMES: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Transcript, Comparison, Scores, Failure, Filtered)
}


class Packet(NamedTuple):
    """A row on its way to a worker.

    Attributes:
        row: The row.
        failures: How often it failed on earlier starts.
        known: Its finished calls.
        lent: Calls that another run made of it.
    """

    row: Any
    failures: int
    known: list[Call]
    lent: list[Call]


class Shift:
    """The rows of one stage. The only writer of the run while it lasts.

    Args:
        rows: The input; read as rows are wanted.
        job: How they are run.
        run: Open for writing.
        tally: For progress.
        stop: Counts what is under way.
        seen: Told of each row's records.
        spending: Holds the caps; None: there are none.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        job: Job[Any],
        run: Run,
        tally: Tally,
        stop: Stop,
        seen: Seen | None,
        spending: Spending | None = None,
    ) -> None:
        self.job = job
        self.run = run
        self._rows = rows
        self._tally = tally
        self._stop = stop
        self._seen = seen
        self._spending = spending
        self._again: deque[Row] = deque()
        self._suspects: deque[Row] = deque()
        self._out: dict[Line, dict[int, Row]] = {}
        self._losses: Counter[int] = Counter()
        self._read_all = False

    @property
    def ended(self) -> bool:
        """Whether there is no row left, neither here nor out."""
        return self._read_all and not self._again and not self._suspects and not any(self._out.values())

    @property
    def left(self) -> int:
        """How many rows this start has yet to finish, those that are out included."""
        return self.run.counts(self._tally.rows).pending if self.run.owed is None else self.run.owed

    def out(self, line: Line) -> int:
        """How many rows are out on a line."""
        return len(self._out.get(line, ()))

    def hand_out(self, line: Line, number: int) -> list[Packet]:
        """The next rows for a line, at most so many."""
        out = self._out.setdefault(line, {})
        if self._losses and any(self._losses[index] >= SUSPECT_LOSSES for index in out):
            return []
        packets: list[Packet] = []
        if self._suspects and not out and not self._stop.asked:
            packets.append(self._packet(line, self._suspects.popleft()))
            number = 0
        while len(packets) < number and (row := self._next()) is not None:
            packets.append(self._packet(line, row))
        self._stop.begin(len(packets))
        return packets

    def call(self, line: Line, call: Call, made: bool) -> None:
        """Keep a call, unless its row is no longer this line's."""
        row = self._out.get(line, {}).get(call.index)
        if row is None or row.id != call.row:
            return
        if made:
            self.run.keep(call)
            if self._spending:
                self._spending.add(call)
                if self._spending.exceeded() and not self._stop.asked:
                    self._stop.ask(self._spending.error())
        else:
            self.run.adopt(call)
        if call.completion is None or call.completion.text:
            self._tally.count(call.row, call.step)
        del self._losses[call.index]

    def finish(self, line: Line, index: int, outcomes: Sequence[Outcome]) -> None:
        """Keep what came of a row, unless it is no longer this line's."""
        row = self._out.get(line, {}).pop(index, None)
        if row is None:
            return
        del self._losses[index]
        self._settle(row, outcomes)
        self._stop.end()

    def lose(self, line: Line) -> None:
        """A line is broken, or its worker has halted: its rows are given to others."""
        lost = self._out.pop(line, {})
        for row in lost.values():
            self._losses[row.index] += 1
            if self._losses[row.index] < MOST_LOSSES:
                suspect = self._losses[row.index] >= SUSPECT_LOSSES
                (self._suspects if suspect else self._again).append(row)
                continue
            message = f"{MOST_LOSSES} workers were lost while they ran this row, one after the other"
            self._settle(row, [Failure(id=row.id, index=row.index, step="", kind="WorkerLost", message=message)])
        self._stop.end(len(lost))

    def halt(self, line: Line) -> None:
        """A worker has ended its calls, as it was asked to; its rows stay pending."""
        self._stop.end(len(self._out.pop(line, {})))

    def _packet(self, line: Line, row: Row) -> Packet:
        known, lent = self.run.known(row)
        if not self._tally.calls[row.id]:
            for call in known:
                self._tally.count(row.id, call.step)
        self._out[line][row.index] = row
        return Packet(row, self.run.failures[row.id], known, lent)

    def _next(self) -> Row | None:
        if self._stop.asked:
            return None
        if self._again:
            return self._again.popleft()
        for row in self._rows:
            if self.run.owes(row.index):
                return row
        self._read_all = True
        return None

    def _settle(self, row: Row, outcomes: Sequence[Outcome]) -> None:
        for record in outcomes:
            self.run.keep(record)
        if outcomes:
            self._tally.settle(row.id)
            if self._seen:
                self._seen(outcomes)


def pack(index: int, outcomes: Sequence[Outcome]) -> bytes:
    """What came of a row, as a frame's body: its position, then a name and a JSON object for each record."""
    parts = [b"%d" % index]
    for record in outcomes:
        parts += [type(record).__name__.encode(), record.model_dump_json().encode()]
    return b"\n".join(parts)


def unpack(body: bytes) -> tuple[int, list[Any]]:
    """The position and the records of a frame's body; see `pack`."""
    index, *parts = body.split(b"\n")
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return int(index), [OUTCOMES[name.decode()].model_validate_json(text) for name, text in pairs]
