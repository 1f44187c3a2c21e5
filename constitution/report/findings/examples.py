"""Rows worth reading: the best, the worst, the most changed, the unchanged, the most contested."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from constitution.digests import derive_seed
from constitution.records import Comparison, Transcript
from constitution.report.change import Change
from constitution.report.findings import Category, Example
from constitution.report.findings.by_revision import against_initial
from constitution.report.scores import ends
from constitution.score_records import Scores
from constitution.store import transcripts_at

# Of each category.
SHOWN = 3
# Kept of each kind while reading: so many that each category finds rows that no other one shows.
KEPT = SHOWN * 5


@dataclass(order=True)
class _Candidate:
    """A row that may be shown; of equal scores a hash decides, as the first rows of an input are often alike."""

    score: float
    hash: int
    row: str = field(compare=False)
    index: int = field(compare=False)
    why: str = field(compare=False)
    pair: Comparison | None = field(compare=False, default=None)


class _Top:
    """The candidates with the highest scores; no more are kept."""

    def __init__(self) -> None:
        self._heap: list[_Candidate] = []

    def add(self, score: float, row: str, index: int, why: str, pair: Comparison | None = None) -> None:
        if len(self._heap) == KEPT and score < self._heap[0].score:
            return
        one = _Candidate(score, derive_seed("example", pair.id if pair else row), row, index, why, pair)
        if len(self._heap) < KEPT:
            heapq.heappush(self._heap, one)
        else:
            heapq.heappushpop(self._heap, one)

    @property
    def best_first(self) -> list[_Candidate]:
        return sorted(self._heap, reverse=True)


class Examples:
    """Collects candidates; no more than a few texts are kept."""

    def __init__(self) -> None:
        self._last = self._judged = 0
        self._better, self._worse, self._raised, self._lowered = _Top(), _Top(), _Top(), _Top()
        self._changed, self._unchanged = _Top(), _Top()
        self._orders, self._principles, self._even = _Top(), _Top(), _Top()

    def see(self, row: Transcript, changes: Sequence[Change]) -> None:
        """Take note of a finished row, and of what each of its rounds changed."""
        self._last = max(self._last, len(row.rounds))
        if not changes:
            return
        if changed := changes[-1].in_all:
            why = f"{changed:.0%} of the words changed from the initial response to the last revision"
            self._changed.add(changed, row.id, row.index, why)
        else:
            self._unchanged.add(0, row.id, row.index, "the last revision has the words of the initial response")

    def see_pair(self, pair: Comparison) -> None:
        """Take note of a comparison; after the rows."""
        found = against_initial(pair)
        if found and self._judged < found.number <= self._last:
            # The last one that was judged need not be the run's last.
            self._judged, self._better, self._worse = found.number, _Top(), _Top()
        if not pair.judged or pair.p is None:
            # Nobody was asked, or nobody answered.
            return
        if found and found.number == self._judged:
            why = f"p = {found.p:.3f} that revision {found.number} is better than the initial response"
            if found.p > 0.5:
                self._better.add(found.p, pair.row, pair.index, why)
            elif found.p < 0.5:
                self._worse.add(-found.p, pair.row, pair.index, why)
        # A judge that rewards sees no orders.
        forward, reversed_ = pair.p_forward, pair.p_reversed
        gap = 0.0 if forward is None or reversed_ is None else abs(forward - reversed_)
        if gap and forward and reversed_ and (forward - 0.5) * (reversed_ - 0.5) < 0:
            why = f"the two orders say {forward:.3f} and {reversed_:.3f} of the first response"
            self._orders.add(gap, pair.row, pair.index, why, pair)
        if pair.disagreement:
            why = f"its principles disagree: the standard deviation of their probabilities is {pair.disagreement:.3f}"
            self._principles.add(pair.disagreement, pair.row, pair.index, why, pair)
        why = f"p = {pair.p:.3f} that the first response is better"
        self._even.add(-abs(pair.p - 0.5), pair.row, pair.index, why, pair)

    def see_scores(self, row: Scores) -> None:
        """Take note of a row's rewards."""
        if not (both := ends(row)) or both.first.reward is None or both.last.reward is None:
            return
        gain = both.last.reward - both.first.reward
        why = f"reward {both.first.reward:.3f} of the initial response, {both.last.reward:.3f} of the last revision"
        if gain > 0:
            self._raised.add(gain, row.id, row.index, why)
        elif gain < 0:
            self._lowered.add(-gain, row.id, row.index, why)

    def choose(self, run: Path) -> tuple[Example, ...]:
        """A few of each category; no row is shown twice as long as there are others.

        Raises:
            RunError: The journal of transcripts is damaged.
        """
        used: set[str] = set()
        chosen: dict[Category, list[_Candidate]] = {
            "best": _first(self._better.best_first or self._raised.best_first, used),
            "worst": _first(self._worse.best_first or self._lowered.best_first, used),
            "most contested": _by_turns([self._orders, self._principles, self._even], used),
            "most changed": _first(self._changed.best_first, used),
            "unchanged": _first(self._unchanged.best_first, used),
        }
        rows = transcripts_at(run, {one.index for several in chosen.values() for one in several})
        shown: tuple[Category, ...] = ("best", "worst", "most changed", "unchanged", "most contested")
        return tuple(
            Example(category=category, why=one.why, transcript=rows.get(one.index), comparison=one.pair)
            for category in shown
            for one in chosen[category]
        )


def _first(candidates: Sequence[_Candidate], used: set[str]) -> list[_Candidate]:
    """The first few of rows that are not used yet; if there are none, of any."""
    found = [one for one in candidates if one.row not in used][:SHOWN] or list(candidates[:SHOWN])
    used.update(one.row for one in found)
    return found


def _by_turns(tops: Sequence[_Top], used: set[str]) -> list[_Candidate]:
    """One of each kind, then the next of each, until there are enough."""
    kinds = [top.best_first for top in tops]
    in_turn = [kind[place] for place in range(KEPT) for kind in kinds if place < len(kind)]
    for fresh in (True, False):
        found: list[_Candidate] = []
        rows: set[str] = set()
        for one in in_turn:
            if one.row not in rows and not (fresh and one.row in used):
                rows.add(one.row)
                found.append(one)
        if found:
            break
    used.update(one.row for one in found[:SHOWN])
    return found[:SHOWN]
