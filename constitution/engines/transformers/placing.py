"""Which slot a request gets, and in which order slots lie. Pure functions over token lists."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

# A shared beginning shorter than this is computed again rather than copied from another slot, or waited for.
SHORTEST_COPY = 32
# Slots are put in the order of their lengths once attention reads this many times what it needs.
WASTE = 1.2


def shared(one: list[int], other: list[int]) -> int:
    """How many tokens two lists have in common at their beginning; by bisection, as comparing slices is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class Place(NamedTuple):
    """Where a request is computed.

    Attributes:
        slot: The one it takes.
        source: The slot whose first `shared` tokens it starts from; itself, or one to copy from.
        shared: How many these are.
    """

    slot: int
    source: int
    shared: int


def place_for(tokens: list[int], held: Sequence[list[int]], free: Sequence[int]) -> Place:
    """The slot for a prompt, and what it starts from: the beginning most like it, wherever that is.

    A free slot is taken over as it is if most of what it holds goes on to be used. Else it may be the beginning of what
    comes later: the longest idle slot is taken, and the beginning copied. At least the last token of a prompt is
    computed: its logits are what the caller wants.

    Args:
        tokens: The prompt.
        held: What each slot holds.
        free: Slots that may be taken, the longest idle first.
    """
    common = [shared(tokens[:-1], other) for other in held]
    own = max(free, key=common.__getitem__)
    source = max(range(len(held)), key=common.__getitem__)
    if common[source] < common[own] + SHORTEST_COPY:
        source = own
    slot = source if source in free and len(held[source]) <= 2 * common[source] else free[0]
    if common[source] < common[slot] + SHORTEST_COPY:
        source = slot
    return Place(slot, source, common[source])


def worth_waiting_for(tokens: list[int], at_hand: int, computing: Iterable[list[int]]) -> bool:
    """Whether a prompt that is being computed shares clearly more with this one than what is at hand."""
    return any(shared(tokens[:-1], other) >= at_hand + SHORTEST_COPY for other in computing)


def by_length(lengths: Sequence[int], block: int) -> list[int] | None:
    """An order of slots in which blocks of neighbours are equally long, the longest first; None if they nearly are.

    Args:
        lengths: Of each slot's sequence; 0: idle.
        block: Slots that are computed together, up to the longest of them.
    """
    order = sorted(range(len(lengths)), key=lambda slot: -lengths[slot])

    def read(slots: Sequence[int]) -> int:
        blocks = (slots[n : n + block] for n in range(0, len(slots), block))
        return sum(max(lengths[slot] for slot in part) * sum(lengths[slot] > 0 for slot in part) for part in blocks)

    return order if read(range(len(lengths))) > WASTE * read(order) else None
