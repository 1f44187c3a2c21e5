"""From what a judge said to the soft label: pure functions of log-probabilities (Bai et al. 2022, section 4.1).

A vote's probability is that of the labels' two log-probabilities, normalised over the two:

    P(A) = exp(a) / (exp(a) + exp(b)),   logit P(A) = a − b

If the judge is calibrated (Zhao et al. 2021, arXiv 2102.09690), the logit that it has where neither response says
anything is subtracted first. They divide the probabilities by those of content-free input and normalise, which for two
options is the same; of several such inputs they average the probabilities, here it is the logits, as everywhere.

Votes are averaged as logits. A judge's liking for one position adds about the same amount to every logit, so that it
cancels between the two orders; an average of probabilities would let the more saturated order win. (The paper names no
average: it judges each pair in one order under one principle.)
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from constitution.records import Choice, Label, Order, Reasoning, Status, Vote

# Probabilities are kept this far from 0 and 1, so that no single vote is worth more than 14 nats.
NEAREST = 1e-6


class Range(NamedTuple):
    """Probabilities are moved into `[low, high]`."""

    low: float
    high: float

    def hold(self, p: float) -> float:
        """`p`, or the nearer end."""
        return min(max(p, self.low), self.high)


OPEN = Range(NEAREST, 1 - NEAREST)


class Thresholds(NamedTuple):
    """What makes a label unfit for training.

    Attributes:
        tie: A label nearer than this to 0.5 is a tie; one of 0.5 always is.
        order_gap: Orders that prefer different responses, with probabilities at least this far apart, contradict
            each other.
        mass: Least probability that the judge gives to the two labels together; below it, it was not answering.
    """

    tie: float
    order_gap: float
    mass: float


class SoftLabel(NamedTuple):
    """A comparison's label; see `records.Comparison`."""

    p_forward: float | None
    p_reversed: float | None
    p: float | None
    disagreement: float | None
    status: Status


def logit(p: float) -> float:
    """Log-odds in nats, of a probability held away from 0 and 1."""
    p = OPEN.hold(p)
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    """The probability whose log-odds are `x`."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def side(p: float | None) -> float:
    """1 for above a half, 0 for below, and a half for a draw, which an average of logits may miss by a rounding."""
    return 0.5 if p is None or abs(p - 0.5) < 1e-9 else float(p > 0.5)


def is_tie(p: float, tie: float) -> bool:
    """Whether a label tells of no difference; one of a half does not, whatever the threshold.

    Args:
        p: The label.
        tie: See `Thresholds`.
    """
    return side(p) == 0.5 or abs(p - 0.5) < tie


def mean_probability(ps: Sequence[float]) -> float:
    """Average as logits."""
    return sigmoid(statistics.fmean(logit(p) for p in ps))


def weighed(
    order: Order, logprob_a: float | None, logprob_b: float | None, mass: float, bias: float = 0.0
) -> float | None:
    """Probability that the first response is better, from the labels' log-probabilities; None if unreadable.

    Args:
        order: Which response was shown as (A).
        logprob_a: In nats.
        logprob_b: In nats.
        mass: See `Thresholds`.
        bias: Logit of (A) where neither response says anything, in nats.
    """
    if logprob_a is None or logprob_b is None or math.exp(logprob_a) + math.exp(logprob_b) < mass:
        return None
    p_a = OPEN.hold(sigmoid(logprob_a - logprob_b - bias))
    return p_a if order == "forward" else 1 - p_a


def bias_of(told: Sequence[Choice], mass: float) -> float | None:
    """Logit of (A) where neither response says anything, in nats: the mean of what is readable; None if nothing is.

    Args:
        told: One choice between the labels for each content-free text.
        mass: See `Thresholds`.
    """
    shown = [weighed("forward", one.logprobs[0], one.logprobs[1], mass) for one in told]
    readable = [p for p in shown if p is not None]
    return statistics.fmean(map(logit, readable)) if readable else None


def spoken(order: Order, verdict: Label | None) -> float | None:
    """The same from a label that the judge named: 1 or 0."""
    if verdict is None:
        return None
    return float((verdict == "A") == (order == "forward"))


def reasoned(reasonings: Sequence[Reasoning], clamp: Range) -> float | None:
    """A vote's probability from several chains of thought: their mean (self-consistency), clamped.

    Reasoned verdicts are nearly always certain, whatever they are worth: the paper clamps them to 40-60 percent
    (section 4.1). Here the mean over the samples is clamped, not each sample.
    """
    readable = [reasoning.p_first for reasoning in reasonings if reasoning.p_first is not None]
    return OPEN.hold(clamp.hold(statistics.fmean(readable))) if readable else None


def label(votes: Sequence[Vote], thresholds: Thresholds) -> SoftLabel:
    """The soft label of a comparison.

    A principle counts if both its orders are readable: else one position would weigh more than the other. Whether the
    orders contradict each other is seen before any clamp, which would hide it.
    """
    both = _readable({(vote.principle, vote.order): vote.p_first for vote in votes})
    if not both:
        return SoftLabel(None, None, None, None, "invalid")
    unclamped = _readable({(vote.principle, vote.order): _unclamped(vote) for vote in votes})
    said_forward = mean_probability([orders["forward"] for orders in unclamped])
    said_reversed = mean_probability([orders["reversed"] for orders in unclamped])
    p_forward = mean_probability([orders["forward"] for orders in both])
    p_reversed = mean_probability([orders["reversed"] for orders in both])
    p = mean_probability([p_forward, p_reversed])
    disagreement = statistics.pstdev(mean_probability(list(orders.values())) for orders in both)
    status: Status = "labelled"
    if (said_forward - 0.5) * (said_reversed - 0.5) < 0 and abs(said_forward - said_reversed) >= thresholds.order_gap:
        status = "inconsistent"
    elif is_tie(p, thresholds.tie):
        status = "tie"
    return SoftLabel(p_forward, p_reversed, p, disagreement, status)


def _readable(chances: Mapping[tuple[str, Order], float | None]) -> list[dict[Order, float]]:
    """Both orders of each principle that can be read in both."""
    by_principle: dict[str, dict[Order, float]] = {}
    for (principle, order), p in chances.items():
        if p is not None:
            by_principle.setdefault(principle, {})[order] = p
    return [orders for orders in by_principle.values() if len(orders) == 2]


def _unclamped(vote: Vote) -> float | None:
    return reasoned(vote.reasonings, OPEN) if vote.reasonings else vote.p_first
