"""Which slot a request gets, and which requests are computed together. Pure functions over token lists."""

from collections.abc import Iterator, Sequence

from constitution.engines.transformers.requests import Request

# Most padded tokens in one prefill pass: enough to fill the matrix units, little enough to bound its memory.
PREFILL_TOKENS = 4096
# A shared beginning shorter than this is computed again rather than copied from another slot.
SHORTEST_COPY = 32


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


def at_hand(tokens: list[int], held: Sequence[list[int]]) -> int:
    """The most tokens at the beginning of a prompt that some slot holds."""
    return max(shared(tokens, other) for other in held)


def closest(tokens: list[int], held: Sequence[list[int]], free: Sequence[int]) -> tuple[int, int]:
    """The slot whose beginning is most like a prompt, and how many tokens they share.

    A free slot is used as it is; a busy one is worth copying from only if it shares clearly more. At least the last
    token of a prompt is computed: its logits are what the caller wants.

    Args:
        tokens: The prompt.
        held: What each slot holds.
        free: Slots that may be taken, the longest idle first: among equals it is the least likely to go on.
    """
    common = [shared(tokens[:-1], other) for other in held]
    own = max(free, key=common.__getitem__)
    other = max(range(len(held)), key=common.__getitem__)
    return (other, common[other]) if common[other] >= common[own] + SHORTEST_COPY else (own, common[own])


def passes(requests: Sequence[Request], held: Sequence[list[int]]) -> Iterator[list[Request]]:
    """Cut placed requests into prefill passes, those with equally much to compute together.

    One long prompt in a pass pads all its neighbours to its own length.
    """

    def new(request: Request) -> int:
        return len(request.tokens) - len(held[request.slot])

    group: list[Request] = []
    for request in sorted(requests, key=new):
        if group and new(request) * (len(group) + 1) > PREFILL_TOKENS:
            yield group
            group = []
        group.append(request)
    yield group
