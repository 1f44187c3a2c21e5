"""What an engine is told and what it answers: frozen records, journalled with the calls that they came of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FinishReason = Literal["stop", "length"]


def absent(value: object) -> bool:
    """Whether a field is left out of what is written: so records without what is new read as they always did."""
    return value is None or value == ()


class Record(BaseModel):
    """Base of all records: immutable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sampling(Record):
    """How an engine samples.

    Attributes:
        max_tokens: Most tokens in the answer.
        temperature: 0 is greedy.
        top_p: Nucleus mass, 1 keeps the whole distribution.
        top_k: Only the K most probable tokens; 0 keeps all.
        min_p: Only tokens at least this share of the most probable one's probability; 0 keeps all.
        stop: Strings that end the answer; not part of it.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: tuple[str, ...] = ()


class Completion(Record):
    """What a model answered.

    Attributes:
        text: The answer, outer white space removed.
        finish_reason: `stop`, or `length` when the answer was cut at `max_tokens`.
        prompt_tokens: Tokens that the model was given.
        completion_tokens: Tokens that it sampled, the end-of-turn token included.
        control_strings: Control strings found in the messages, where the engine cannot make them plain text by itself.
        reused_tokens: Those of the prompt that the engine still had at hand. What else ran at that moment decides it,
            so it is no part of a row: it is kept with the call.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    control_strings: int = 0
    reused_tokens: Annotated[int, Field(exclude=True)] = 0


class Choice(Record):
    """How probable a model finds given answers.

    Attributes:
        logprobs: Of each option, in nats; not normalised over the options. None: the engine could not tell.
        sampled: None if they are the model's own. Else how many sampled answers they are the shares of, from a server
            that tells no log-probabilities.
        control_strings: As in `Completion`.
        prompt_tokens: Tokens that the model was given, in all requests that it took; 0 if nobody told.
        completion_tokens: Tokens that it sampled for it.
        reused_tokens: As in `Completion`.
    """

    logprobs: tuple[float | None, ...]
    sampled: int | None = None
    control_strings: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: Annotated[int, Field(exclude=True)] = 0


class Reward(Record):
    """What a judge that rewards makes of one response, without a question and without another response beside it.

    Attributes:
        value: The reward in nats: `sigmoid(first - second)` is the probability that the first of two is better.
        prompt_tokens: Tokens that the model was given, the response included.
        completion_tokens: Tokens that it sampled for it; of models that only read, none.
        control_strings: As in `Completion`.
        reused_tokens: As in `Completion`.
    """

    value: float
    control_strings: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: Annotated[int, Field(exclude=True)] = 0
