"""Pairs that people judged, as a fit needs them."""

from collections import Counter
from dataclasses import dataclass

from constitution.digests import digest
from constitution.errors import SourceError
from constitution.pair_files import read_pairs
from constitution.records import Message
from constitution.remote.addresses import masked
from constitution.words import same_text

# With fewer pairs, or prompts, folds say nothing of what the probe is worth.
FEWEST_PAIRS = 50
FEWEST_PROMPTS = 10


@dataclass(frozen=True)
class LabelledPair:
    """Two responses to one prompt, and which people preferred.

    Attributes:
        prompt: The conversation that both answer.
        better: What people preferred.
        worse: The other.
        group: Pairs with the same one are never on both sides of a split: their conversations begin alike.
    """

    prompt: tuple[Message, ...]
    better: str
    worse: str
    group: str


@dataclass(frozen=True)
class LabelledPairs:
    """What a file has for a fit.

    Attributes:
        pairs: In the file's order.
        rows: Rows that were read.
        left_out: Why the others are of no use, and how many.
    """

    pairs: tuple[LabelledPair, ...]
    rows: int
    left_out: dict[str, int]

    @property
    def digest(self) -> str:
        """Hash of the pairs."""
        return digest([[[m.model_dump() for m in one.prompt], one.better, one.worse] for one in self.pairs])


def read_labelled(file: str, limit: int | None = None) -> LabelledPairs:
    """The pairs of a file that people judged.

    Raises:
        SourceError: A row is in no known form, or there are too few pairs to fit a probe.
    """
    left_out: Counter[str] = Counter()
    found: list[LabelledPair] = []
    for row in read_pairs(file, limit):
        if row.problem:
            left_out[row.problem] += 1
        elif row.gold is None:
            left_out["nothing says which response people preferred"] += 1
        elif same_text(row.candidates[0].text, row.candidates[1].text):
            left_out["both responses are one text"] += 1
        else:
            better, worse = row.candidates[:: 1 if row.gold == "first" else -1]
            opening = next(turn.content for turn in row.prompt.messages if turn.role == "user")
            found.append(LabelledPair(row.prompt.messages, better.text, worse.text, digest(opening)))
    pairs = LabelledPairs(tuple(found), len(found) + left_out.total(), dict(left_out.most_common()))
    check_enough(file, pairs)
    return pairs


def check_enough(file: str, found: LabelledPairs) -> None:
    """See that a probe can be fitted and measured.

    Raises:
        SourceError: There are too few pairs, or of too few prompts; says how many are needed.
    """
    pairs, prompts = len(found.pairs), len({one.group for one in found.pairs})
    if pairs >= FEWEST_PAIRS and prompts >= FEWEST_PROMPTS:
        return
    why = "".join(f"; left out, {reason}: {number}" for reason, number in found.left_out.items())
    raise SourceError(
        f"{masked(file)}: {pairs} of {found.rows} rows can be fitted on, of {prompts} prompts; at least {FEWEST_PAIRS} "
        f"pairs of {FEWEST_PROMPTS} prompts are needed{why}",
        "Give rows of chosen and rejected (hh-rlhf), or of response_a, response_b and a label A or B; a few hundred "
        "pairs make a useful probe, two thousand a good one.",
    )
