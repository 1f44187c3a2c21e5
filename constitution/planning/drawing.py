"""Which rows a pilot runs: one of each group of equally many rows of about the same length.

So short and long prompts have their share in however small a pilot; within a group a hash decides, and not the order of
the input, which may be sorted by topic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constitution.config import Settings
from constitution.generation import rows_of_shard
from constitution.records import Prompt
from constitution.shards import Shard
from constitution.sources import no_rows, read


@dataclass(frozen=True)
class Drawn:
    """A pilot's rows.

    Attributes:
        prompts: The rows, in the order of the input.
        lengths: Bytes of every row's prompt, in the order of the input, [rows]; 0 is an empty prompt, which takes no
            call. Of a shard, its own rows.
    """

    prompts: tuple[Prompt, ...]
    lengths: NDArray[np.int64]

    @property
    def own_lengths(self) -> dict[str, int]:
        """Bytes of the pilot's prompts, by row id."""
        return {prompt.id: length_of(prompt) for prompt in self.prompts}


def length_of(prompt: Prompt) -> int:
    """Bytes of a prompt: of all that is known before a run, what its tokens follow best."""
    return sum(len(message.content.encode()) for message in prompt.messages)


def draw(settings: Settings, number: int) -> Drawn:
    """Read the input twice: the lengths of all rows, then those that are drawn.

    Args:
        settings: Name the input.
        number: How many rows; all that are not empty, if there are fewer.

    Raises:
        SourceError: At the first row that cannot be read; or there is none.
        ConfigError: There are fewer rows than shards.
    """
    # Others' rows are read too: only then is it known how many there are, and that all can be.
    whole = np.fromiter((length_of(prompt) for prompt in read(settings)), np.int64)
    if not len(whole):
        raise no_rows(settings)
    rows_of_shard(settings, len(whole))
    holds = Shard.parse(settings.shard).holds
    own = np.flatnonzero([holds(index) for index in range(settings.skip, settings.skip + len(whole))])
    lengths = whole[own]
    filled = np.flatnonzero(lengths)
    if not len(filled):
        raise no_rows(settings)
    random = np.random.default_rng(settings.seed)
    # Rows of the same length in an order of chance, else the first ones of the input would stand for all.
    ordered = filled[np.lexsort((random.random(len(filled)), lengths[filled]))]
    groups = np.array_split(ordered, min(number, len(ordered)))
    places = {int(own[group[random.integers(len(group))]]) + settings.skip for group in groups}
    return Drawn(tuple(read(settings, len(whole), places.__contains__)), lengths)
