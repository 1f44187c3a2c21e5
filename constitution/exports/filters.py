"""Which pairs are left out, and why."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator

from constitution.digests import digest
from constitution.exports.examples import Preference
from constitution.exports.options import Options
from constitution.exports.picks import Pick, prompt_key
from constitution.exports.scores import too_low
from constitution.words import same_text

IDENTICAL = "pairs: identical responses"
Pairs = Iterator[Pick[Preference]]


def filter_pairs(read: Callable[[Counter[str]], Pairs], options: Options, dropped: Counter[str]) -> Pairs:
    """The pairs that pass every filter; what a filter takes is counted under its name, by the first that takes it.

    Args:
        read: Reads the pairs from their beginning, counting what it leaves out; called twice for `--max-per-prompt`.
        options: The filters.
        dropped: Where to count.
    """
    if options.max_per_prompt is None:
        yield from _sound(read(dropped), options, dropped)
        return
    best = _best(_sound(read(Counter()), options, Counter()), options.max_per_prompt, options.seed)
    for pair in _sound(read(dropped), options, dropped):
        if pair.id in best:
            yield pair
        else:
            dropped[f"pairs: beyond {options.max_per_prompt} of their prompt"] += 1


def _sound(pairs: Pairs, options: Options, dropped: Counter[str]) -> Pairs:
    for pair in pairs:
        if same_text(pair.example.chosen, pair.example.rejected):
            dropped[IDENTICAL] += 1
        elif options.whole_only and pair.cut:
            dropped["pairs: cut at max_tokens"] += 1
        elif pair.example.p_chosen < options.min_confidence:
            dropped[f"pairs: confidence below {options.min_confidence:g}"] += 1
        elif options.min_margin is not None and pair.margin < options.min_margin:
            dropped[f"pairs: margin below {options.min_margin:g} nats"] += 1
        elif why := too_low(pair.reward, options) or pair.gated:
            dropped[f"pairs: {why}"] += 1
        else:
            yield pair


def _best(pairs: Pairs, number: int, seed: int) -> set[str]:
    """Ids of a prompt's pairs of the largest margins; between equals the surer ones, then a hash decides."""
    kept: dict[str, list[tuple[float, float, str, str]]] = {}
    for pair in pairs:
        heap = kept.setdefault(prompt_key(pair.example.prompt), [])
        mark = digest(["per prompt", seed, pair.id])
        heapq.heappush(heap, (pair.margin, pair.example.p_chosen, mark, pair.id))
        if len(heap) > number:
            heapq.heappop(heap)
    return {id for heap in kept.values() for *_, id in heap}
