"""What there is to train on, before any stack's format: the families of formats are pure functions of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from constitution.principles import Principle
from constitution.records import Message, Record, Transcript

Split = Literal["train", "test"]
# Rows written, by kind and split; a split without rows is not in it.
Written = Mapping[str, Mapping[Split, int]]


class Demonstration(Record):
    """A response to imitate (supervised fine-tuning)."""

    prompt: tuple[Message, ...]
    response: str
    origin: dict[str, JsonValue]


class Preference(Record):
    """Two responses, one of them better (reward model, DPO).

    Attributes:
        p_chosen: Probability that `chosen` is better; 1 where nobody judged.
        margin: What a reward model's score of `chosen` should be ahead by, in nats, at least 0; 0 asks for nothing.
        judge: The feedback model's name; empty where nobody judged, or nobody knows who.
    """

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    p_chosen: float
    margin: float
    origin: dict[str, JsonValue]
    judge: str = ""


class Rating(Record):
    """A response that is good or bad in itself (KTO)."""

    prompt: tuple[Message, ...]
    response: str
    good: bool
    origin: dict[str, JsonValue]


class Rewarded(Record):
    """A response with its reward (offline RL, reward regression, or whatever filter a person thinks of).

    Attributes:
        reward: Sum of the rules' weights times their probabilities.
        scores: Probability that each rule's proposition is true, by the rule's id.
    """

    prompt: tuple[Message, ...]
    response: str
    reward: float
    scores: dict[str, float]
    origin: dict[str, JsonValue]


class Question(Record):
    """A prompt to answer (GRPO, RLOO, online DPO, PPO)."""

    prompt: tuple[Message, ...]
    origin: dict[str, JsonValue]


class Chain(Record):
    """A whole transcript, with the text of the principles that it drew and the name of the prompts it came from."""

    transcript: Transcript
    principles: dict[str, Principle]
    source: str


# What people's reviews are about.
LABELLED = {Demonstration, Preference, Rating}


@dataclass(frozen=True)
class Kind:
    """One kind of row of a family: one file a split.

    Attributes:
        example: What a row is made of.
        row: Makes the row; pure. Its argument is the example.
        columns: The row's columns, as `dataset_info.features` of a dataset card declares them; of `Rewarded`, those of
            the run's rules are put before the last one.
        meaning: One line for the card.
        parquet: Whether the consumer reads only Parquet.
    """

    example: type[Record]
    row: Callable[[Any], dict[str, Any]]
    columns: list[dict[str, Any]]
    meaning: str
    parquet: bool = False


def nothing_else(written: Written, suffix: str) -> dict[str, str]:
    """No further files."""
    return {}


@dataclass(frozen=True)
class Family:
    """A training stack's formats.

    Attributes:
        kinds: By name, which is also the folder's: `KIND/train.jsonl`, `KIND/test.jsonl`.
        stacks: What reads it, for the card.
        extra: Text of further files by path in the export's folder, e.g. a stack's index of datasets. Its arguments
            are the rows written and the files' ending, `.jsonl` or `.parquet`.
    """

    kinds: Mapping[str, Kind]
    stacks: str
    extra: Callable[[Written, str], dict[str, str]] = nothing_else
