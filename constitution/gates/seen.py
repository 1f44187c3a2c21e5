"""What a gate looks at: a response, and what it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from pydantic import JsonValue

from constitution.records import Candidate, Comparison, FinishReason, Message, Transcript
from constitution.words import UNSPACED, words

# Characters of a response that are looked at closely: more than most answers have, and a bound on time.
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
        uncut: The response, however long; `text` is its first `MOST_CHARACTERS`.
        uncut_initial: Likewise the initial response; empty without one.
    """

    prompt: tuple[Message, ...]
    text: str
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    finish_reason: FinishReason | None = None
    initial: str | None = None
    critiques: tuple[str, ...] = ()
    gain: float | None = None
    uncut: str = field(init=False, default="", repr=False)
    uncut_initial: str = field(init=False, default="", repr=False)

    def __post_init__(self) -> None:
        """Cut what is too long, so that no response takes long."""
        object.__setattr__(self, "uncut", self.text)
        object.__setattr__(self, "uncut_initial", self.initial or "")
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

    @cached_property
    def whole(self) -> list[str]:
        """The words of all of it; what takes more than a walk through them looks at `plain`."""
        return self.plain if self.uncut == self.text else _plain(self.uncut)

    @cached_property
    def whole_before(self) -> list[str]:
        """The words of all of the initial response; none without one."""
        return self.before if self.uncut_initial == (self.initial or "") else _plain(self.uncut_initial)

    @cached_property
    def question(self) -> str:
        """The last turn of the prompt; of a long one beginning and end, where people say what to do with the rest."""
        text = question(self.prompt)
        half = MOST_CHARACTERS // 2
        return text if len(text) <= 2 * half else f"{text[:half]}\n{text[-half:]}"

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
    """The words of a text that hold a letter or a digit, without capitals; of a long one, of its beginning."""
    return _plain(text[:MOST_CHARACTERS])


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


def _plain(text: str) -> list[str]:
    return [word.casefold() for word in words(text) if word[0].isalnum() or UNSPACED.match(word)]


def short(text: str) -> str:
    """A passage on one line, cut to what is kept of one."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_TOLD else f"{line[: MOST_TOLD - 1]}…"
