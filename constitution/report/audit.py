"""The health of a judge, from its comparisons: position, consistency, length, and accuracy where people judged too."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.intervals import Estimate, Floats, bootstrap
from constitution.records import Comparison, Order, Record, Status, Vote
from constitution.report.observed import Observed, cluster_of
from constitution.votes import logit, mean_probability, side

BINS = 10
# A judge that prefers one position this much more often than the other says more about positions than about responses.
STRONG_POSITION = 0.75
STRONG_LENGTH = 0.3
# Fewer comparisons tell nothing of length.
FEWEST = 20


class ReliabilityBin(Record):
    """Comparisons whose confidence, max(p, 1 − p), is from `low` to `high`: how many, how sure, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Audit(Record):
    """A judge's health. Intervals are 95%, comparisons of one prompt counted as one cluster.

    Attributes:
        statuses: Comparisons by status.
        sampled: Comparisons by how many sampled answers each vote is the share of; none of log-probabilities.
        rewarded: Comparisons by two rewards: of these there are no votes, no orders and no principles.
        first_position: Share of votes that prefer the response shown as (A); 0.5 is fair.
        order_agreement: Share of comparisons in which both orders prefer the same response; chance is 0.5.
        order_gap: Mean distance of the two orders' probabilities.
        principle_split: Share of comparisons in which two principles prefer different responses.
        principle_disagreement: Mean standard deviation of the principles' probabilities.
        length_correlation: Correlation of logit p with the difference in length (characters, first − second), through
            the origin, so that it does not matter which response is called the first.
        histogram: Comparisons by p, in ten equal bins from 0 to 1.
        accuracy: Share of people's preferences that the judge shares, readable comparisons only; p = 0.5 counts half.
        accuracy_as_a: The same in the order that shows the preferred response as (A); likewise `accuracy_as_b`.
        calibration_error: Expected calibration error (Guo et al. 2017), ten equal bins of confidence from 0.5 to 1.
        reliability: Its bins; those without comparisons are left out.
        warnings: What is wrong, in plain words.
    """

    statuses: dict[Status, int]
    sampled: dict[int, int]
    rewarded: int = 0
    first_position: Estimate | None
    order_agreement: Estimate | None
    order_gap: Estimate | None
    principle_split: Estimate | None
    principle_disagreement: Estimate | None
    length_correlation: Estimate | None
    histogram: tuple[int, ...]
    accuracy: Estimate | None
    accuracy_as_a: Estimate | None
    accuracy_as_b: Estimate | None
    calibration_error: Estimate | None
    reliability: tuple[ReliabilityBin, ...]
    warnings: tuple[str, ...]


class Auditing:
    """Collects what an audit tells of; comparisons are looked at one after the other, and not kept."""

    def __init__(self) -> None:
        self._statuses: Counter[Status] = Counter()
        self._sampled: Counter[int] = Counter()
        self._rewarded = 0
        self._labels = Observed()
        self._first_position, self._order_agreement, self._order_gap = Observed(), Observed(), Observed()
        self._split, self._disagreement = Observed(), Observed()
        self._lengths, self._logits = Observed(), Observed()
        self._right, self._right_as_a, self._right_as_b = Observed(), Observed(), Observed()
        self._confidence = Observed()

    @property
    def number(self) -> int:
        """How many comparisons the judge labelled."""
        return self._statuses.total()

    def see(self, one: Comparison) -> None:
        """Take note of a comparison that the judge labelled."""
        self._statuses[one.status] += 1
        self._rewarded += one.reward_first is not None
        if one.judged and one.p is not None:
            prompt = cluster_of(one.prompt)
            self._labels.add(one.p, prompt)
            self._lengths.add(len(one.first.text) - len(one.second.text), prompt)
            self._logits.add(logit(one.p), prompt)
        if one.votes and one.p is not None:
            for vote in one.votes:
                if vote.p_first is not None:
                    self._first_position.add(side(_p_a(vote)), prompt)
            self._order_agreement.add(_agree(one.p_forward, one.p_reversed), prompt)
            self._order_gap.add(abs((one.p_forward or 0) - (one.p_reversed or 0)), prompt)
            if len({vote.principle for vote in one.votes}) > 1:
                self._split.add(_split(one.votes), prompt)
                self._disagreement.add(one.disagreement or 0.0, prompt)
        self.see_gold(one)

    def see_gold(self, one: Comparison) -> None:
        """Take note of a pair that people judged too, for accuracy only."""
        if one.sampled is not None:
            self._sampled[one.sampled] += 1
        if one.gold is None or one.p is None:
            return
        prompt = cluster_of(one.prompt)
        self._confidence.add(max(one.p, 1 - one.p), prompt)
        self._right.add(_right(one, one.p), prompt)
        if one.reward_first is None:
            self._right_as_a.add(_right(one, _shown_as(one, "A")), prompt)
            self._right_as_b.add(_right(one, _shown_as(one, "B")), prompt)

    def told(self) -> Audit:
        """The audit of what was seen."""
        sure = np.hstack([self._confidence.column, self._right.column])
        lengths = np.hstack([self._lengths.column, self._logits.column])
        found = {
            "first_position": self._first_position.share(),
            "order_agreement": self._order_agreement.share(),
            "order_gap": _mean(self._order_gap),
            "principle_split": self._split.share(),
            "principle_disagreement": _mean(self._disagreement),
            "length_correlation": bootstrap(_correlation, lengths, self._lengths.clusters, -1, 1),
            "accuracy": self._right.share(),
            "accuracy_as_a": self._right_as_a.share(),
            "accuracy_as_b": self._right_as_b.share(),
            "calibration_error": bootstrap(calibration_error, sure, self._right.clusters, 0, 1),
        }
        return Audit(
            statuses=dict(self._statuses),
            sampled=dict(self._sampled),
            rewarded=self._rewarded,
            histogram=tuple(np.histogram(self._labels.values, BINS, (0, 1))[0].tolist()),
            reliability=_reliability(sure),
            warnings=tuple(_warnings(found)),
            **found,
        )


def audit(comparisons: Iterable[Comparison], gold: Iterable[Comparison] = ()) -> Audit:
    """Examine a judge.

    Args:
        comparisons: What it labelled.
        gold: Further pairs that people judged too, for accuracy only.
    """
    seen = Auditing()
    for one in comparisons:
        seen.see(one)
    for one in gold:
        seen.see_gold(one)
    return seen.told()


def _warnings(found: dict[str, Estimate | None]) -> Iterable[str]:
    accuracy, agreement = found["accuracy"], found["order_agreement"]
    position, length = found["first_position"], found["length_correlation"]
    if accuracy and accuracy.low <= 0.5:
        yield "nothing shows that the judge is better than chance at what people prefer: do not train on its labels"
    if agreement and agreement.low <= 0.5:
        yield "nothing shows that the two orders agree more often than by chance: labels may tell of positions only"
    if position and not 1 - STRONG_POSITION <= position.value <= STRONG_POSITION:
        shown = "A" if position.value > 0.5 else "B"
        yield f"the judge nearly always prefers the response shown as ({shown}): try compare --few-shots 4"
    if length and length.n >= FEWEST and (length.low > STRONG_LENGTH or length.high < -STRONG_LENGTH):
        yield f"the labels follow length: the judge prefers {'longer' if length.value > 0 else 'shorter'} responses"


def _mean(seen: Observed) -> Estimate | None:
    return bootstrap(lambda rows: float(rows.mean()), seen.column, seen.clusters, 0)


def _agree(forward: float | None, reversed_: float | None) -> float:
    return 1 - abs(side(forward) - side(reversed_))


def _p_a(vote: Vote) -> float | None:
    """Probability of the label (A) as shown."""
    if vote.p_first is None:
        return None
    return vote.p_first if vote.order == "forward" else 1 - vote.p_first


def _split(votes: Sequence[Vote]) -> float:
    by_principle: dict[str, list[float]] = {}
    for vote in votes:
        if vote.p_first is not None:
            by_principle.setdefault(vote.principle, []).append(vote.p_first)
    sides = {side(mean_probability(ps)) for ps in by_principle.values() if len(ps) == 2}
    return float({0.0, 1.0} <= sides)


def _correlation(rows: Floats) -> float:
    norm = math.sqrt((rows[:, 0] ** 2).sum() * (rows[:, 1] ** 2).sum())
    return float(rows[:, 0] @ rows[:, 1] / norm) if len(rows) > 2 and norm else math.nan


def _right(one: Comparison, p_first: float | None) -> float:
    preferred = side(p_first)
    return preferred if one.gold == "first" else 1 - preferred


def _shown_as(one: Comparison, label: str) -> float | None:
    """The label in the order that shows people's choice as (A) or (B)."""
    order: Order = "forward" if (one.gold == "first") == (label == "A") else "reversed"
    return one.p_forward if order == "forward" else one.p_reversed


def _bin(rows: Floats) -> NDArray[np.int64]:
    return np.minimum(((rows[:, 0] - 0.5) * 2 * BINS).astype(np.int64), BINS - 1)


def calibration_error(rows: Floats) -> float:
    """Expected calibration error (Guo et al. 2017) of confidences from 0.5 to 1 and what is right, [n, 2]."""
    bins = _bin(rows)
    gaps = [abs(rows[bins == n].mean(axis=0) @ [1, -1]) * (bins == n).mean() for n in set(bins.tolist())]
    return float(sum(gaps))


def _reliability(rows: Floats) -> tuple[ReliabilityBin, ...]:
    if not len(rows):
        return ()
    bins = _bin(rows)
    return tuple(
        ReliabilityBin(
            low=0.5 + n / (2 * BINS),
            high=0.5 + (n + 1) / (2 * BINS),
            n=int((bins == n).sum()),
            confidence=float(rows[bins == n, 0].mean()),
            accuracy=float(rows[bins == n, 1].mean()),
        )
        for n in sorted(set(bins.tolist()))
    )
