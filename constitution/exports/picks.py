"""An example on its way out of the run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from constitution.digests import digest
from constitution.exports.examples import Chain, Demonstration, Preference, Question, Rating, Rewarded
from constitution.records import Message

Example = Demonstration | Preference | Rating | Rewarded | Question | Chain
Labeller = Literal["people", "AI", "people and AI"]
SomeExample = TypeVar("SomeExample", bound=Example, covariant=True)
# How people call them, in what an export prints and in its card.
NOUNS: dict[type, str] = {
    Demonstration: "demonstration",
    Preference: "pair",
    Rating: "rating",
    Rewarded: "scored response",
    Question: "prompt",
    Chain: "chain",
}


@dataclass(frozen=True)
class Pick(Generic[SomeExample]):
    """An example and what decides about it.

    Attributes:
        id: Of the record that it comes from, unique in the run: what is drawn for it depends on nothing else.
        cut: Whether a response in it ends at `max_tokens`.
        margin: Of a pair, in nats: how far the chosen response is ahead of the rejected one.
        reward: Of a pair's chosen response; None if it has none.
        other_reward: Of its rejected response, likewise.
        labelled_by: Whose judgement it is; None if nobody's, or if only the AI's are asked for.
        other_refused: What people did with its rejected response, if it may not be chosen; empty if it may.
        gated: Of a pair, why gates leave out its chosen response; empty if they do not.
        other_gated: Of its rejected response, likewise, if it may become the chosen one.
    """

    example: SomeExample
    id: str
    cut: bool = False
    margin: float = math.inf
    reward: float | None = None
    other_reward: float | None = None
    labelled_by: Labeller | None = None
    other_refused: str = ""
    gated: str = ""
    other_gated: str = ""


def prompt_of(example: Example) -> tuple[Message, ...]:
    """What it answers."""
    return example.transcript.prompt if isinstance(example, Chain) else example.prompt


def prompt_key(prompt: Sequence[Message]) -> str:
    """What tells one prompt from another; white space around a turn does not."""
    return digest([[message.role, message.content.strip()] for message in prompt])


def response_key(prompt: Sequence[Message], response: str) -> str:
    """What tells one response to one prompt from another."""
    return digest([prompt_key(prompt), response.strip()])
