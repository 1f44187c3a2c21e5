"""Which prompts are held out for testing."""

from collections.abc import Sequence
from typing import Literal

from constitution.digests import derive_uniform
from constitution.records import Message


def split_of(prompt: Sequence[Message], test_fraction: float, seed: int) -> Literal["train", "test"]:
    """A prompt's split, from its content alone: equal prompts are never on both sides.

    White space around a turn and the case of letters do not make two prompts different.
    """
    content = [[message.role, message.content.strip().casefold()] for message in prompt]
    return "test" if derive_uniform("split", seed, content) < test_fraction else "train"
