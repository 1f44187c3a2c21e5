"""Word n-grams of evaluations, and which of them a text holds.

Models are trained on what evaluations ask if a row shares a run of n words with one of their prompts (Brown et al.
2020, appendix C, with n = 13; here 8, as prompts of red teaming are short). Departures from it: a match leaves out the
row, and not the words around it; and prompts of fewer than n words, which are most of some sets, are looked for whole.

Case, signs and white space do not count. In scripts without spaces a word is a character, and n is twice as many, as
two characters say as much as a word.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from constitution.prompt_sets.shingles import plain
from constitution.words import UNSPACED

NGRAM = 8


@dataclass(frozen=True)
class Match:
    """What a text shares with an evaluation's prompt.

    Attributes:
        evaluation: The number of that prompt, as it was added.
        words: The first run of words that both have.
        share: How much of the prompt's n-grams the text has; 1 is all of it.
    """

    evaluation: int
    words: str
    share: float


@dataclass
class Grams:
    """The n-grams of all evaluations' prompts; about 100 bytes each.

    Attributes:
        size: n, in words.
    """

    size: int = NGRAM
    # Of each prompt, how many it has.
    _numbers: list[int] = field(default_factory=list)
    # By length in words, whose n-gram it is; where several prompts have it, the first.
    _owners: dict[int, dict[int, int]] = field(default_factory=dict)
    # Prompts so short that a longer text holds their words by chance.
    _whole: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many prompts there are."""
        return len(self._numbers)

    def add(self, text: str) -> None:
        """Add a prompt."""
        tokens, number = tokens_of(text), len(self._numbers)
        self._numbers.append(1)
        size = self.size * (2 if _is_unspaced(tokens) else 1)
        if not tokens:
            return
        if len(tokens) < max(2, size // 2):
            self._whole.setdefault(hash(tokens), number)
            return
        owners = self._owners.setdefault(min(size, len(tokens)), {})
        found = [hash(gram) for gram in _runs(tokens, min(size, len(tokens)))]
        self._numbers[number] = len(set(found))
        for gram in found:
            owners.setdefault(gram, number)

    def match(self, text: str) -> Match | None:
        """The evaluation's prompt that a text shares most with; None if it shares nothing."""
        tokens = tokens_of(text)
        shared: Counter[int] = Counter()
        first: dict[int, str] = {}
        if tokens and (whole := self._whole.get(hash(tokens))) is not None:
            shared[whole], first[whole] = 1, " ".join(tokens)
        for size, owners in self._owners.items():
            for gram in dict.fromkeys(_runs(tokens, size)):
                if (owner := owners.get(hash(gram))) is not None:
                    shared[owner] += 1
                    first.setdefault(owner, " ".join(gram))
        if not shared:
            return None
        share, _, owner = max((count / self._numbers[one], -one, one) for one, count in shared.items())
        return Match(owner, first[owner], share)


def tokens_of(text: str) -> tuple[str, ...]:
    """The words of a text; of scripts without spaces, the characters."""
    return tuple(UNSPACED.sub(lambda found: f" {' '.join(found[0])} ", plain(text)).split())


def _is_unspaced(tokens: Sequence[str]) -> bool:
    return sum(UNSPACED.match(token) is not None for token in tokens) * 2 > len(tokens)


def _runs(tokens: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (tokens[start : start + size] for start in range(len(tokens) - size + 1))
