r"""Rows of text as in hh-rlhf: `\n\nHuman: … \n\nAssistant: …` (Bai et al. 2022, arXiv 2204.05862).

The format is plain text, so two things cannot be written as they are:

- It knows no system prompt. A system prompt opens the human turn that follows it, as chat templates without a system
  role do: every reader keeps it, and turns still alternate. (Most readers drop text before the first `Human:`.)
- A turn that holds a blank line and then `Human:` or `Assistant:` would be read back as two turns. The blank line
  becomes a line break: all words stay, in one turn.
"""

import re
from collections.abc import Sequence
from typing import Any

from constitution.conversations import tidy
from constitution.exports.examples import Family, Kind, Preference
from constitution.exports.messages import METADATA, metadata, scalar
from constitution.records import Message

_MARKER = re.compile(r"\n{2,}(?=(?:Human|Assistant):)")
_NAMES = {"system": "Human", "user": "Human", "assistant": "Assistant"}


def dialogue(messages: Sequence[Message]) -> str:
    """A prompt as text, ending in `Assistant:`. White space around a turn is not kept."""
    heard = tidy(
        Message(role="user" if turn.role == "system" else turn.role, content=turn.content) for turn in messages
    )
    return "".join(f"\n\n{_NAMES[turn.role]}: {_one_turn(turn.content)}" for turn in heard) + "\n\nAssistant:"


def preference(example: Preference) -> dict[str, Any]:
    """`chosen` and `rejected`: the whole conversation as text."""
    prompt = dialogue(example.prompt)
    return {
        "chosen": f"{prompt} {_one_turn(example.chosen)}",
        "rejected": f"{prompt} {_one_turn(example.rejected)}",
        "metadata": metadata(example.origin),
    }


def _one_turn(text: str) -> str:
    return _MARKER.sub("\n", text.strip())


FAMILY = Family(
    kinds={
        "preference": Kind(
            Preference,
            preference,
            [scalar("chosen"), scalar("rejected"), METADATA],
            "preference pairs as text; a system prompt opens the first human turn",
        ),
    },
    stacks="whatever reads hh-rlhf: reward models and DPO on plain text",
)
