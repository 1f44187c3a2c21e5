r"""Conversations as text: the `\n\nHuman: … \n\nAssistant: …` form of hh-rlhf (Bai et al. 2022, arXiv 2204.05862)."""

import re
from collections.abc import Iterable

from constitution.records import Message, Role

# A turn begins only at a marker that follows a blank line (or opens the text): "my question: how" is not one.
_MARKER = re.compile(r"(?:\A\n{0,2}|\n\n)(Human|Assistant):")
_ROLES: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}


def is_transcript(text: str) -> bool:
    """Whether the text opens with a human turn, blank line included, as every hh-rlhf row does."""
    return text.startswith("\n\nHuman:")


def parse_transcript(text: str) -> list[Message]:
    """Split a transcript at its turn markers; text before the first marker is dropped."""
    parts = _MARKER.split(text)
    turns = zip(parts[1::2], parts[2::2], strict=True)
    return [Message(role=_ROLES[name], content=content.strip()) for name, content in turns]


def tidy(messages: Iterable[Message]) -> tuple[Message, ...]:
    """A conversation that a model can answer: no empty turns, no two turns of one role in a row, a user turn last.

    Neighbouring turns of one role are joined with a blank line; assistant turns at the end are dropped. Empty if
    no user turn is left.
    """
    turns: list[Message] = []
    for message in messages:
        if not message.content.strip():
            continue
        if turns and turns[-1].role == message.role:
            joined = f"{turns[-1].content}\n\n{message.content}"
            turns[-1] = Message(role=message.role, content=joined)
        else:
            turns.append(message)
    while turns and turns[-1].role != "user":
        turns.pop()
    return tuple(turns)
