"""What a gate looks at: a response, and what it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from pydantic import JsonValue

from constitution.records import Candidate, Comparison, FinishReason, Message, Transcript
from constitution.words import UNSPACED, words

# Characters of a response that are looked at: more than any answer has, and a bound on time.
MOST_CHARACTERS = 16_000
# Characters of what was found that are kept.
MOST_TOLD = 120


class Finding(NamedTuple):
    """What a gate says of a response.

    Attributes:
        score: The higher, the worse; in what unit and up to what, `table.py` says.
        told: What it was found by: a passage, or a number in words.
    """

    score: float
    told: str = ""


@dataclass(frozen=True)
class Seen:
    """A response as gates look at it.

    Attributes:
        prompt: What it answers.
        text: The response.
        metadata: The row's other columns.
        finish_reason: None if unknown.
        initial: The initial response, which it revises; None if it revises none.
        critiques: Of the rounds that led to it.
        gain: Probability under the judge that it is better than the initial response; None if nobody judged.
    """

    prompt: tuple[Message, ...]
    text: str
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    finish_reason: FinishReason | None = None
    initial: str | None = None
    critiques: tuple[str, ...] = ()
    gain: float | None = None

    def __post_init__(self) -> None:
        """Cut what is too long, so that no response takes long."""
        for name in ("text", "initial"):
            if len(getattr(self, name) or "") > MOST_CHARACTERS:
                object.__setattr__(self, name, getattr(self, name)[:MOST_CHARACTERS])

    @cached_property
    def plain(self) -> list[str]:
        """Its words: no signs, no capitals; of scripts without spaces, the characters."""
        return plain(self.text)

    @cached_property
    def asked(self) -> list[str]:
        """The words of the last turn of the prompt."""
        return plain(self.question)

    @cached_property
    def before(self) -> list[str]:
        """The words of the initial response; none without one."""
        return plain(self.initial or "")

    @property
    def question(self) -> str:
        """The last turn of the prompt; empty without any."""
        return question(self.prompt)

    @property
    def single_turn(self) -> bool:
        """Whether no response came before this one, so that it can talk of none."""
        return not any(message.role == "assistant" for message in self.prompt)


def seen_of(transcript: Transcript, number: int, gain: float | None = None) -> Seen:
    """A transcript's response after so many rounds; 0 is the initial one, which revises nothing."""
    response = transcript.responses[number]
    critiques = (round.critique for round in transcript.rounds[:number])
    return Seen(
        prompt=transcript.prompt,
        text=response.text,
        metadata=transcript.metadata,
        finish_reason=response.finish_reason,
        initial=transcript.response.text if number else None,
        critiques=tuple(critique.text for critique in critiques if critique is not None),
        gain=gain if number else None,
    )


def seen_side(comparison: Comparison, side: Candidate) -> Seen:
    """A response that was compared, held against nothing but its prompt."""
    return Seen(comparison.prompt, side.text, comparison.metadata, side.finish_reason)


def question(prompt: Sequence[Message]) -> str:
    """The last turn of a prompt; empty without any."""
    return prompt[-1].content if prompt else ""


def revision_number(source: str) -> int | None:
    """Which revision a response that was compared or scored is; None if it is none."""
    number = source.removeprefix("revision-")
    return int(number) if number != source and number.isdecimal() else None


def plain(text: str) -> list[str]:
    """The words of a text that hold a letter or a digit, without capitals."""
    return [word.casefold() for word in words(text[:MOST_CHARACTERS]) if word[0].isalnum() or UNSPACED.match(word)]


def unit(said: Sequence[str], size: int) -> int:
    """How many words an n-gram has; of scripts without spaces twice as many, as each is a character."""
    unspaced = sum(1 for word in said if len(word) == 1 and UNSPACED.match(word))
    return 2 * size if 2 * unspaced > len(said) else size


def ngrams(said: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """The runs of so many words, in order; none in a shorter text."""
    return list(zip(*(said[start:] for start in range(size)), strict=False))


def covered(places: Sequence[bool], size: int) -> int:
    """How many words stand in the n-grams that begin at these places."""
    number, until = 0, 0
    for place, hit in enumerate(places):
        if hit:
            number += place + size - max(place, until)
            until = place + size
    return number


def short(text: str) -> str:
    """A passage on one line, cut to what is kept of one."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_TOLD else f"{line[: MOST_TOLD - 1]}…"
