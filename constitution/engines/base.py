"""The one thing the rest of the program knows of a model: two async methods, or a third, and what they promise."""

from collections.abc import Sequence
from typing import Literal, Protocol

from constitution.errors import CallError
from constitution.records import Choice, Completion, Message, Record, Reward, Sampling

Determinism = Literal["exact", "best effort", "none"]


def weakest(*promises: Determinism) -> Determinism:
    """What several engines promise together."""
    return max(promises, key=("exact", "best effort", "none").index)


class Identity(Record):
    """What a manifest records of the model: two runs with equal identities asked the same model.

    Attributes:
        engine: The engine's name.
        model: The model as the user named it.
        revision: A commit or content hash: what the name stood for on that day.
        detail: Whatever else changes answers, such as the number format.
        endpoint: Where a server's model was asked, as scheme://host:port/path. Another one refuses to go on, as nobody
            can tell what runs there; it is no part of a call's key, so a fork reuses what the old one answered.
    """

    engine: str
    model: str
    revision: str
    detail: str = ""
    endpoint: str = ""


class Held(Exception):
    """A call that an engine had not sent yet when it was told to `drain`, and will not send."""


class Usage(Record):
    """An engine's counters since it was opened, in tokens, and what keeps it from working at this moment.

    Attributes:
        prompt_tokens: Tokens that it was given.
        reused_tokens: Those of them whose keys and values were still at hand, so that they cost nothing.
        completion_tokens: Tokens that it sampled.
        waiting: What it waits for, a line for each server that answers nothing or lets nothing in; else empty.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    completion_tokens: int = 0
    waiting: tuple[str, ...] = ()

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})

    def __sub__(self, other: "Usage") -> "Usage":
        """What came after `other`; what is waited for now is waited for now."""
        return Usage(
            prompt_tokens=self.prompt_tokens - other.prompt_tokens,
            reused_tokens=self.reused_tokens - other.reused_tokens,
            completion_tokens=self.completion_tokens - other.completion_tokens,
            waiting=self.waiting,
        )


class ClosedEngine:
    """A model whose turn is over: its answers are in the journal, where they are found by its identity.

    An answer that is not there failed on an earlier start; so does the row that wants it, until it is retried.
    """

    determinism: Determinism = "exact"
    usage = Usage()

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """Fails the row."""
        raise self._missing()

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """Fails the row."""
        raise self._missing()

    async def reward(self, messages: Sequence[Message], response: str) -> Reward:
        """Fails the row."""
        raise self._missing()

    async def aclose(self) -> None:
        """It is."""

    def _missing(self) -> CallError:
        return CallError(f"{self.identity.model} gave no answer on an earlier start, and its turn is over")


class Rewarding(Protocol):
    """The third thing that an engine may do: judge one response by itself, with no question and no other response.

    Its module says so with `REWARDS = True`, so that who plans a comparison knows it before a model is loaded.
    """

    async def reward(self, messages: Sequence[Message], response: str) -> Reward:
        """How good a response is, in nats: `sigmoid(r1 - r2)` is the probability that the first of two is better.

        Args:
            messages: The conversation that it answers, ending in a user turn.
            response: What is judged.

        Raises:
            ContextOverflow: Both do not fit the model's context.
            ModelError: The model is gone; no call will succeed.
        """


class Engine(Protocol):
    """A model, ready to answer. Calls may be made at any time, in any number: the engine batches them.

    An engine that judges by rewards (see `Rewarding`) answers neither `generate` nor `choose`: both raise `ModelError`.

    An engine in which calls may wait long before they are sent also has a method `drain()`: from then on such calls,
    and those that would have to be sent again, raise `Held`.

    For caps on what a run spends, an engine may also have `count(messages) -> int`, the prompt tokens of a call
    (without it a call is taken to need no more tokens than its messages have bytes, until calls have shown how many
    those are), and `votes`, if `choose` may take as many requests.

    Attributes:
        identity: For the manifest.
        determinism: `exact`: same call, same answer, always. `best effort`: same seed, but batch shapes may move
            the last bits of a probability. `none`: the seed is ignored.
        usage: Counters, for progress and speed.
    """

    identity: Identity
    determinism: Determinism

    @property
    def usage(self) -> Usage:
        """Counters since the engine was opened."""

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """Answer a conversation that ends in a user turn.

        Raises:
            ContextOverflow: Prompt and answer do not fit the model's context.
            ModelError: The model is gone; no call will succeed.
        """

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """Log-probability, in nats, that the answer begins with each option.

        Read from the model after one pass over the messages; where a backend tells no probabilities, the shares of
        sampled answers, and `Choice.sampled` says so. An option of several tokens scores the sum over its tokens. The
        values are not normalised over the options.

        Args:
            messages: A conversation that ends in a user turn.
            options: How answers may begin.
            seed: Only for an engine that has to sample.

        Raises:
            ContextOverflow: The messages do not fit the model's context.
            ModelError: The model is gone; no call will succeed.
        """

    async def aclose(self) -> None:
        """Stop; unanswered calls are cancelled."""
