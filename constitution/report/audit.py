"""The health of a judge, from its comparisons: position, consistency, length, and accuracy where people judged too."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from constitution.digests import digest
from constitution.records import Comparison, Order, Record, Status, Vote
from constitution.report.intervals import Estimate, Floats, bootstrap, share
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


def audit(comparisons: Iterable[Comparison], gold: Iterable[Comparison] = ()) -> Audit:
    """Examine a judge.

    Args:
        comparisons: What it labelled.
        gold: Further pairs that people judged too, for accuracy only.
    """
    made, gold = [_light(one) for one in comparisons], [_light(one) for one in gold]
    judged = [one for one in made if one.votes and one.p is not None]
    votes = [
        (vote, prompt)
        for one, prompt in zip(judged, _prompts(judged), strict=True)
        for vote in one.votes
        if vote.p_first is not None
    ]
    known = [one for one in (*made, *gold) if one.gold is not None and one.p is not None]
    several = [one for one in judged if len({vote.principle for vote in one.votes}) > 1]
    found = {
        "first_position": share([side(_p_a(vote)) for vote, _ in votes], [prompt for _, prompt in votes]),
        "order_agreement": share([_agree(one.p_forward, one.p_reversed) for one in judged], _prompts(judged)),
        "order_gap": _mean([abs((one.p_forward or 0) - (one.p_reversed or 0)) for one in judged], judged),
        "principle_split": share([_split(one.votes) for one in several], _prompts(several)),
        "principle_disagreement": _mean([one.disagreement or 0.0 for one in several], several),
        "length_correlation": bootstrap(
            _correlation, _array([_length(one) for one in judged]), _prompts(judged), -1, 1
        ),
        "accuracy": share([_right(one, one.p) for one in known], _prompts(known)),
        "accuracy_as_a": share([_right(one, _shown_as(one, "A")) for one in known], _prompts(known)),
        "accuracy_as_b": share([_right(one, _shown_as(one, "B")) for one in known], _prompts(known)),
        "calibration_error": bootstrap(
            _calibration_error, _array([_sure(one) for one in known]), _prompts(known), 0, 1
        ),
    }
    return Audit(
        statuses=dict(Counter(one.status for one in made)),
        sampled=dict(Counter(one.sampled for one in (*made, *gold) if one.sampled is not None)),
        histogram=tuple(np.histogram([one.p for one in judged if one.p is not None], BINS, (0, 1))[0].tolist()),
        reliability=_reliability(_array([_sure(one) for one in known])),
        warnings=tuple(_warnings(found)),
        **found,
    )


def audit_lines(found: Audit) -> list[str]:
    """The audit as lines of text, warnings last."""

    def percent(estimate: Estimate | None) -> str:
        return estimate.percent if estimate else "cannot be told"

    def number(estimate: Estimate | None) -> str:
        return estimate.number if estimate else "cannot be told"

    lines = [
        "comparisons: " + (", ".join(f"{n} {status}" for status, n in found.statuses.items()) or "none"),
        *(
            f"comparisons whose votes are shares of sampled answers, not log-probabilities: {n} "
            f"(answers a vote: {answers})"
            for answers, n in found.sampled.items()
        ),
        f"the response shown as (A) wins: {percent(found.first_position)} (fair: 50%)",
        f"the two orders agree: {percent(found.order_agreement)} (chance: 50%)",
        f"distance between the two orders: {number(found.order_gap)}",
        f"principles prefer different responses: {percent(found.principle_split)} (high: it matters who asks)",
        f"standard deviation between principles: {number(found.principle_disagreement)}",
        f"correlation of the label with length: {number(found.length_correlation)}",
        "labels from 0 to 1 in tenths: " + " ".join(map(str, found.histogram)),
    ]
    if found.accuracy:
        lines += [
            f"agrees with people: {percent(found.accuracy)} (chance: 50%)",
            f"  where their choice is shown as (A): {percent(found.accuracy_as_a)}",
            f"  where their choice is shown as (B): {percent(found.accuracy_as_b)}",
            f"expected calibration error: {number(found.calibration_error)}",
            *(
                f"  confidence {row.low:.2f}-{row.high:.2f}: {row.n} of them, "
                f"mean confidence {row.confidence:.3f}, right {row.accuracy:.1%}"
                for row in found.reliability
            ),
        ]
    return [*lines, *(f"warning: {warning}" for warning in found.warnings)]


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


def _light(one: Comparison) -> Comparison:
    """Without chains of thought, which are most of a comparison and of no use here."""
    votes = tuple(vote.model_copy(update={"reasonings": ()}) for vote in one.votes)
    return one.model_copy(update={"votes": votes})


def _prompts(comparisons: Sequence[Comparison]) -> list[str]:
    """What each is about: rows of one prompt are no independent witnesses either."""
    return [digest([message.model_dump() for message in one.prompt]) for one in comparisons]


def _array(rows: Sequence[Sequence[float]], columns: int = 2) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns)


def _mean(values: Sequence[float], comparisons: Sequence[Comparison]) -> Estimate | None:
    rows = _array([[value] for value in values], 1)
    return bootstrap(lambda rows: float(rows.mean()), rows, _prompts(comparisons), 0)


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


def _length(one: Comparison) -> list[float]:
    assert one.p is not None
    return [len(one.first.text) - len(one.second.text), logit(one.p)]


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


def _sure(one: Comparison) -> list[float]:
    """Confidence, and whether it was right."""
    assert one.p is not None
    return [max(one.p, 1 - one.p), _right(one, one.p)]


def _bin(rows: Floats) -> NDArray[np.int64]:
    return np.minimum(((rows[:, 0] - 0.5) * 2 * BINS).astype(np.int64), BINS - 1)


def _calibration_error(rows: Floats) -> float:
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
