"""Which of one prompt's responses meet, where only the best and the worst of them are wanted."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from constitution.digests import derive_uniform
from constitution.judgements import Vote
from constitution.ranking import ranks
from constitution.votes import SoftLabel


@dataclass(frozen=True)
class Judged:
    """The label of candidates number `first` and `second`."""

    first: int
    second: int
    votes: tuple[Vote, ...]
    soft: SoftLabel
    reward_first: float | None = None
    reward_second: float | None = None


async def best_and_worst(
    row: str, count: int, judged: Callable[[int, int], Coroutine[Any, Any, Judged]], seed: int
) -> list[Judged]:
    """Pair all, then let winners meet winners and losers meet losers, until one of each is left; they meet last.

    The classic way to find maximum and minimum at once. Where a label is missing or says 0.5, a hash decides who goes
    on. The ranking that comes of all these labels may have other `ends`.
    """
    found: dict[tuple[int, int], Judged] = {}

    async def meet(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The better and the worse of each pair."""
        outcomes = []
        for first, second in pairs:
            if (first, second) not in found:
                found[first, second] = await judged(first, second)
            p = found[first, second].soft.p
            if p is None or p == 0.5:
                p = derive_uniform("best-worst", seed, row, first, second)
            outcomes.append((first, second) if p > 0.5 else (second, first))
        return outcomes

    def paired(numbers: Sequence[int]) -> list[tuple[int, int]]:
        ordered = sorted(numbers)
        return list(zip(ordered[::2], ordered[1::2], strict=False))

    outcomes = await meet(paired(range(count)))
    # With an odd number, the last one is in both camps.
    odd = [count - 1] if count % 2 else []
    best, worst = [better for better, _ in outcomes] + odd, [worse for _, worse in outcomes] + odd
    while len(best) > 1 or len(worst) > 1:
        up, down = paired(best), paired(worst)
        outcomes = await meet([*up, *down])
        best = [better for better, _ in outcomes[: len(up)]] + sorted(best)[2 * len(up) :]
        worst = [worse for _, worse in outcomes[len(up) :]] + sorted(worst)[2 * len(down) :]
    if best != worst:
        await meet([(min(best[0], worst[0]), max(best[0], worst[0]))])
    return list(found.values())


def ends(values: Sequence[float]) -> tuple[int, int]:
    """Positions of the first and the last in rank, the smaller one first; of equals the first and the last.

    Args:
        values: Rewards or strengths, in nats.
    """
    placed = [(rank, place) for place, rank in enumerate(ranks(values))]
    (_, best), (_, worst) = min(placed), max(placed)
    return min(best, worst), max(best, worst)
