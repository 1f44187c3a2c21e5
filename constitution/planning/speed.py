"""How long all rows take, from when the pilot's calls began and how long they took.

A row that is in flight with n - 1 others takes `work * (1 + load * n)` seconds. `load` is 0 where others do not matter,
as in front of a server with room, and large where all share what there is, as on a machine's own cores. It is fitted to
the calls, of which the pilot's last ones run with fewer rows beside them. All rows are then played through: so many
workers, each pulling the next row when its own is done, until the last one is.
"""

import heapq
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from constitution.planning.amounts import Population
from constitution.records import Call

Floats = NDArray[np.float64]
# What is tried for `load`.
LOADS = (0.0, *np.logspace(-3, 2, 26).tolist())
# A load that explains the calls hardly better than a smaller one is chance.
BETTER = 0.98
# Where nobody answers anybody for so long, the pilot had been stopped. Between calls lies no more than a flush.
PAUSE_SECONDS = 1.0
# Of fewer rows nobody can say how they differ.
LEAST_WHOLE = 2
# So many rows for each worker are played through; what is beyond takes as long as the middle of them.
PLAYED = 30


@dataclass(frozen=True)
class Pace:
    """How fast one model's turn at a stage goes.

    Attributes:
        load: See the module's docstring.
        work: Mean of a row, in seconds, over all rows.
        low: The low end of its 95% interval.
        high: The high end.
        in_flight: Most rows that were in flight in the pilot.
        workers: Rows in flight in the run, of one process that runs rows.
        rows: Rows that it is for.
        spread: What the pilot's rows took, relative to their mean, [pilot].
        shared: Whether replicas are no copies of what the pilot ran on, but ask the same servers.
    """

    load: float
    work: float
    low: float
    high: float
    in_flight: int
    workers: int
    rows: int
    spread: Floats
    shared: bool = False

    def in_flight_with(self, replicas: int) -> int:
        """Rows in flight in the run at what the pilot ran on."""
        return self.workers * replicas if self.shared else self.workers


@dataclass(frozen=True)
class Turn:
    """The pilot's rows in a model's turn; a row during which the pilot was stopped and went on is there in parts.

    Attributes:
        began: When each row's first call began, in seconds since 1970, [rows].
        ended: When its last one was on the disk, and a worker was free for another row, [rows].
        ids: The rows.
        whole: Which of them are there in one part, [rows].
    """

    began: Floats
    ended: Floats
    ids: tuple[str, ...]
    whole: NDArray[np.bool_]

    @property
    def work(self) -> Floats:
        """Seconds that each row took."""
        return self.ended - self.began

    def beside(self, began: Floats, ended: Floats) -> Floats:
        """How many rows were in flight, in the mean of each of these spans."""
        times = np.unique(np.concatenate([self.began, self.ended]))
        there = np.searchsorted(np.sort(self.began), times, "right") - np.searchsorted(
            np.sort(self.ended), times, "right"
        )
        area = np.concatenate([[0.0], np.cumsum(there[:-1] * np.diff(times))])
        spans = np.maximum(ended - began, 1e-6)
        beside: Floats = np.maximum(1.0, (np.interp(ended, times, area) - np.interp(began, times, area)) / spans)
        return beside


def turn_of(calls: Sequence[Call], begun: float = 0.0) -> Turn:
    """The rows of some calls.

    Args:
        calls: Of the pilot.
        begun: When its last start was, in seconds since 1970.
    """
    starts = _starts(calls, begun)
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for call in calls:
        assert call.began is not None and call.seconds is not None
        part = call.row, bisect_right(starts, call.began)
        spans.setdefault(part, []).append((call.began, call.began + call.seconds))
    parts = Counter(row for row, _ in spans)
    gaps = [gap for row in spans.values() for gap in _gaps(row)]
    # What lies between two calls, the flush of an answer above all, lies behind the last one too.
    gap = sum(gaps) / len(gaps) if gaps else 0.0
    began = [min(start for start, _ in row) for row in spans.values()]
    ended = [max(end for _, end in row) + gap for row in spans.values()]
    whole = np.array([parts[row] == 1 for row, _ in spans], np.bool_)
    return Turn(np.array(began), np.array(ended), tuple(row for row, _ in spans), whole)


def _starts(calls: Sequence[Call], begun: float) -> list[float]:
    """When the pilot went on after it had been stopped; earlier starts are known only by what lies before them."""
    found, until = [begun], math.inf
    for began, ended in sorted((call.began or 0.0, (call.began or 0.0) + (call.seconds or 0.0)) for call in calls):
        if began > until + PAUSE_SECONDS:
            found.append(began)
        until = ended if until == math.inf else max(until, ended)
    return sorted(found)


def _gaps(spans: list[tuple[float, float]]) -> list[float]:
    """Seconds without any call of a row, between its calls."""
    found: list[float] = []
    until = None
    for began, ended in sorted(spans):
        if until is not None and began > until:
            found.append(began - until)
        until = ended if until is None else max(until, ended)
    return found


def fit_load(calls: Sequence[tuple[str, Call]], turn: Turn) -> float:
    """How much other rows slow a call down.

    Args:
        calls: Each with its step; how long those of one step take is a line of the tokens that they sampled.
        turn: The rows in flight.
    """
    seconds = np.array([call.seconds or 0.0 for _, call in calls])
    began = np.array([call.began or 0.0 for _, call in calls])
    tokens = np.array([float(call.completion.completion_tokens) if call.completion else 1.0 for _, call in calls])
    steps = np.array([step for step, _ in calls])
    beside = turn.beside(began, began + seconds)
    best, least = 0.0, np.inf
    for load in LOADS:
        slowed = 1 + load * beside
        unexplained = 0.0
        for step in np.unique(steps):
            here = steps == step
            terms = np.stack([slowed[here], slowed[here] * tokens[here]], axis=1)
            terms = terms if len(np.unique(tokens[here])) > 1 else terms[:, :1]
            found, *_ = np.linalg.lstsq(terms, seconds[here], rcond=None)
            unexplained += float(np.sum((seconds[here] - terms @ found) ** 2))
        if unexplained < least * BETTER:
            best, least = load, unexplained
    return best


def pace_of(
    calls: Sequence[tuple[str, Call]],
    lengths: dict[str, int],
    population: Population,
    workers: int,
    begun: float = 0.0,
    shared: bool = False,
) -> Pace | None:
    """How fast a turn goes; None if the pilot was stopped within too many of its rows to tell.

    Args:
        calls: Of the pilot, each with its step.
        lengths: Of the pilot's prompts, by row.
        population: All rows that take this turn.
        workers: Rows in flight in the run, of one process that runs rows.
        begun: When the pilot's last start was, in seconds since 1970.
        shared: As in `Pace`.
    """
    turn = turn_of([call for _, call in calls], begun)
    if turn.whole.sum() < min(LEAST_WHOLE, len(set(turn.ids))):
        return None
    load = fit_load(calls, turn)
    beside = turn.beside(turn.began, turn.ended)
    work = (turn.work / (1 + load * beside))[turn.whole]
    ids = [row for row, whole in zip(turn.ids, turn.whole, strict=True) if whole]
    here = Population(population.rows, population.mean, np.array([float(lengths[row]) for row in ids]))
    mean = here.per_row(work)
    return Pace(
        load=load,
        work=mean.value,
        low=mean.low,
        high=mean.high,
        in_flight=round(float(beside.max())),
        workers=workers,
        rows=population.rows,
        spread=work / max(float(work.mean()), 1e-9),
        shared=shared,
    )


def seconds_of(pace: Pace, replicas: int = 1) -> float:
    """From the first row's first call to the last row's last one.

    Args:
        pace: Of the turn.
        replicas: Copies of what the pilot ran on, each with as many workers and its share of the rows; or, where all
            ask the same servers, so many times the workers.
    """
    rows = pace.rows if pace.shared else -(-pace.rows // replicas)
    workers = min(pace.in_flight_with(replicas), rows)
    played = min(rows, PLAYED * workers)
    random = np.random.default_rng(0)
    drawn = random.permutation(np.resize(pace.spread, played)) * pace.work
    steady = (rows - played) * pace.work * (1 + pace.load * workers) / workers
    return steady + _played(drawn.tolist(), workers, pace.load)


def _played(work: list[float], workers: int, load: float) -> float:
    """Seconds until the last row is done; a worker's clock runs slower the more rows are beside its own."""
    now = clock = 0.0
    waiting = iter(work)
    busy = list(islice(waiting, workers))
    heapq.heapify(busy)
    while busy:
        end = heapq.heappop(busy)
        now += (end - clock) * (1 + load * (len(busy) + 1))
        clock = end
        if (more := next(waiting, None)) is not None:
            heapq.heappush(busy, clock + more)
    return now
