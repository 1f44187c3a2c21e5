"""Rows for hosted fine-tuning: OpenAI's supervised and direct preference formats, which Together and Fireworks share.

https://developers.openai.com/api/docs/guides/direct-preference-optimization
https://docs.together.ai/docs/fine-tuning/data-preparation

There is no `metadata` column: Together refuses a column that it does not know (the checker in its package, 2.10, says
so), and the others promise nothing.
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference
from constitution.exports.messages import assistant, conversation, struct, turns


def sft(example: Demonstration) -> dict[str, Any]:
    """`messages`, the response last."""
    return {"messages": turns(example.prompt, example.response)}


def preference(example: Preference) -> dict[str, Any]:
    """`input` holds the prompt; each output is a list of one assistant message."""
    return {
        "input": {"messages": turns(example.prompt)},
        "preferred_output": [assistant(example.chosen)],
        "non_preferred_output": [assistant(example.rejected)],
    }


FAMILY = Family(
    kinds={
        "sft": Kind(Demonstration, sft, [conversation("messages")], "supervised fine-tuning: `messages`"),
        "preference": Kind(
            Preference,
            preference,
            [
                struct("input", conversation("messages")),
                conversation("preferred_output"),
                conversation("non_preferred_output"),
            ],
            "direct preference optimization: `preferred_output` is the better response to `input`",
        ),
    },
    stacks="the fine-tuning services of OpenAI, Together and Fireworks",
)
