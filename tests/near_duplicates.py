"""Sets of unlike prompts with near-duplicates planted among them, for tests and `benchmarks/duplicates.py`.

Prompts are 5 to 30 words: one of forty usual openings, then words drawn from the documentation that comes with Python,
each as likely as any other. So pairs share what prompts share (openings, endings of words), and hardly two of them are
near-duplicates by chance.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pydoc_data.topics import topics

from constitution.prompt_sets.shingles import jaccard, plain, shingles

# fmt: off
OPENINGS = (
    "How do I", "How can I", "What is the", "What are some", "Can you tell me", "Can you help me", "Please explain",
    "Write a story about", "Why does the", "Why do people", "Tell me how to", "Is it wrong to", "Where can I find",
    "What should I do about", "Give me a list of", "Could you describe", "I want to know", "I need help with",
    "My friend says", "What would happen if", "How would you", "When did the", "Who was the first to",
    "Which of these is", "Teach me to", "Show me the", "Make a plan for", "Do you think that", "Are there any",
    "Should I ask", "Compare the", "Summarise the", "Translate this:", "Let us talk about", "In which way does",
    "What makes a", "How long does it take to", "Explain to a child how", "Suggest a name for", "I am looking for",
    "",
)
# fmt: on
PREFIXES = ("Please, ", "Hey, ", "Quick question: ", "Hi there! ", "So, ", "One more thing: ")
SUFFIXES = (" Thanks!", " Please be brief.", " I need it today.", " Just curious.", " Thank you so much.")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@cache
def vocabulary() -> tuple[str, ...]:
    """Some five thousand English words."""
    return tuple(sorted(set(re.findall(r"\b[a-z]{3,12}\b", " ".join(topics.values())))))


def prompt(draw: random.Random) -> str:
    """One of the unlike ones."""
    opening = draw.choice(OPENINGS).split()
    content = draw.choices(vocabulary(), k=max(3, draw.randint(5, 30) - len(opening)))
    if len(content) > 12:
        content[len(content) // 2] += ","
    return " ".join([*opening, *content]) + draw.choice("?.?")


def _signs(text: str, draw: random.Random) -> str:
    """Other case and other signs."""
    return draw.choice([str.upper, str.lower, str.title])(text).rstrip("?.") + draw.choice(["", "!", " ?", "..."])


def _typo(text: str, draw: random.Random) -> str:
    place = draw.randrange(1, len(text) - 2)
    slips = (text[place + 1] + text[place], text[place] * 2 + text[place + 1], draw.choice(LETTERS))
    return text[:place] + draw.choice(slips) + text[place + 2 :]


def _two_typos(text: str, draw: random.Random) -> str:
    return _typo(_typo(text, draw), draw)


def _swap(text: str, draw: random.Random) -> str:
    """Another word in the place of one."""
    words = text.split()
    words[draw.randrange(1, len(words))] = draw.choice(vocabulary())
    return " ".join(words)


def _drop(text: str, draw: random.Random) -> str:
    words = text.split()
    del words[draw.randrange(1, len(words))]
    return " ".join(words)


def _prefix(text: str, draw: random.Random) -> str:
    return draw.choice(PREFIXES) + text[0].lower() + text[1:]


def _suffix(text: str, draw: random.Random) -> str:
    return text + draw.choice(SUFFIXES)


def _reorder(text: str, draw: random.Random) -> str:
    """Its second half first."""
    words = text.rstrip("?.").split()
    middle = draw.randrange(2, len(words) - 1)
    return " ".join(words[middle:] + words[:middle])


EDITS: dict[str, Callable[[str, random.Random], str]] = {
    "case and signs": _signs,
    "a typo": _typo,
    "two typos": _two_typos,
    "a word exchanged": _swap,
    "a word dropped": _drop,
    "a beginning added": _prefix,
    "an end added": _suffix,
    "halves exchanged": _reorder,
}


@dataclass(frozen=True)
class Planted:
    """A near-duplicate.

    Attributes:
        row: Its place in the set, from 0.
        source: The place of the prompt that it was made of; either may come first.
        edit: What was done to it.
        similarity: The true Jaccard similarity of both.
    """

    row: int
    source: int
    edit: str
    similarity: float


def edited(text: str, edit: str, draw: random.Random) -> tuple[str, float]:
    """A prompt after an edit, and how like it still is."""
    made = EDITS[edit](text, draw)
    return made, jaccard(shingles(plain(text)), shingles(plain(made)))


def planted_set(rows: int, planted: int, threshold: float, seed: int = 0) -> tuple[Iterator[str], list[Planted]]:
    """A set of so many prompts, so many of which are near-duplicates of others, each of another one.

    Edits take turns; one whose result is less like than the threshold is done again, to another prompt if need be.

    Returns:
        The prompts, which are made as they are pulled, and the near-duplicates among them.
    """
    draw = random.Random(seed)
    places = draw.sample(range(rows), 2 * planted)
    texts: dict[int, str] = {}
    told = []
    for number, (row, source) in enumerate(zip(places[:planted], places[planted:], strict=True)):
        edit = list(EDITS)[number % len(EDITS)]
        similarity = 0.0
        while similarity < threshold:
            texts[source] = prompt(draw)
            texts[row], similarity = edited(texts[source], edit, draw)
        told.append(Planted(row, source, edit, similarity))
    return (texts[row] if row in texts else prompt(draw) for row in range(rows)), told
