"""A judge that rewards: it tells of one response at a time how good it is, and two rewards make a soft label.

A preference model in the sense of Bai et al. 2022 (section 4.1; arXiv 2204.05862, section 4.1): the probability that
the first of two responses is better is `sigmoid(r1 - r2)`. Departure from the RL stage of the paper: no principle is
asked about and no response is shown as (A) or (B), so there are neither votes nor orders. What the judge prefers, it
learnt from the pairs that it was fitted on.
"""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constitution.records import Candidate, Message, Reward, Status
from constitution.tasks import together
from constitution.votes import OPEN, SoftLabel, is_tie

# Like `compare.Weigh`, for `reward`: the step's name, the conversation and the response in.
Rate = Callable[[str, Sequence[Message], str], Coroutine[Any, Any, Reward]]


@dataclass(frozen=True)
class RewardJudge:
    """Who judges by rewards.

    Attributes:
        rate: Makes one call of `reward`.
        tie: A label nearer than this to 0.5 is a tie; one of 0.5 always is.
        seed: Decides who goes on in `best-worst` where a label says 0.5.
    """

    rate: Rate
    tie: float
    seed: int


async def rewards_of(prompt: Sequence[Message], candidates: Sequence[Candidate], rate: Rate) -> Mapping[str, Reward]:
    """The reward of each response, by its text: one call for each distinct one, all at once.

    Args:
        prompt: The conversation that they answer.
        candidates: The responses.
        rate: Makes one call.

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    sources: dict[str, str] = {}
    for candidate in candidates:
        sources.setdefault(candidate.text, candidate.source)
    calls = [rate(f"{source}/reward", prompt, text) for text, source in sources.items()]
    return dict(zip(sources, await together(calls), strict=True))


def preference(first: float, second: float) -> float:
    """Probability that the first of two responses is better, from their rewards in nats.

    `preference(b, a)` is exactly `1 - preference(a, b)`: the difference changes nothing but its sign, and one minus a
    number between a half and one is exact. Kept away from 0 and 1 as votes are (`votes.OPEN`).
    """
    gap = first - second
    likelier = min(1 / (1 + math.exp(-abs(gap))), OPEN.high)
    return likelier if gap >= 0 else 1 - likelier


def rewarded(first: float, second: float, tie: float) -> SoftLabel:
    """The soft label of two responses by their rewards; it has no orders, so none can contradict the other.

    Args:
        first: Reward of the first response, in nats.
        second: Of the second.
        tie: See `RewardJudge`.
    """
    p = preference(first, second)
    status: Status = "tie" if is_tie(p, tie) else "labelled"
    return SoftLabel(None, None, p, None, status)
