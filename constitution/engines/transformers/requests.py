"""What callers ask of the batcher, and how they get their answers across threads."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from constitution.records import Choice, Completion, Sampling


@dataclass(eq=False)
class GenerateRequest:
    """A conversation to answer.

    Attributes:
        tokens: The prompt.
        slot: Where its keys and values are, once it has one.
        answer: What was sampled so far.
        reused: Tokens of the prompt that were at hand when it got its slot.
    """

    tokens: list[int]
    future: "asyncio.Future[Completion]"
    sampling: Sampling
    seed: int
    answer: list[int] = field(default_factory=list)
    slot: int = -1
    reused: int = 0

    def __post_init__(self) -> None:
        self.loop = self.future.get_loop()
        self.random = random.Random(self.seed)

    @property
    def columns(self) -> int:
        """Most tokens that it can come to hold."""
        return len(self.tokens) + self.sampling.max_tokens


@dataclass(eq=False)
class ChooseRequest:
    """Answers to weigh: `targets` are the options' tokens."""

    tokens: list[int]
    future: "asyncio.Future[Choice]"
    targets: list[list[int]]
    slot: int = -1
    reused: int = 0

    def __post_init__(self) -> None:
        self.loop = self.future.get_loop()

    @property
    def columns(self) -> int:
        """Most tokens that it can come to hold."""
        return len(self.tokens) + max(map(len, self.targets))


Request = GenerateRequest | ChooseRequest


class Hidden(NamedTuple):
    """Pooled hidden states of a response.

    Attributes:
        states: [layers, 2, width], float32: of each layer the mean over the response's tokens, and its last token's.
        tokens: How many the model was given, conversation and response.
        reused: Those of the conversation that were read together with another response.
    """

    states: "np.ndarray[Any, np.dtype[np.float32]]"
    tokens: int
    reused: int


@dataclass(eq=False)
class ReadRequest:
    """A response to read: `tokens` are the conversation's; layers count from 1."""

    tokens: list[int]
    response: list[int]
    layers: tuple[int, ...]
    future: "asyncio.Future[Hidden]"

    def __post_init__(self) -> None:
        self.loop = self.future.get_loop()


class Pending(Protocol):
    """Whatever waits for an answer."""

    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


def settle(request: Pending, result: Any, error: BaseException | None = None) -> None:
    """Answer a request, or raise `error` where it is awaited. Called from the model's thread."""
    if isinstance(error, StopIteration):
        # A future takes none, and its caller would wait for ever.
        error = RuntimeError("the model's code raised StopIteration")

    def settle_here() -> None:
        if request.future.done():
            return
        if isinstance(error, asyncio.CancelledError):
            request.future.cancel()
        elif error:
            request.future.set_exception(error)
        else:
            request.future.set_result(result)

    # A loop that is closed has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        request.loop.call_soon_threadsafe(settle_here)
