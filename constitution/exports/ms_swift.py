"""Rows as ms-swift loads them (read in 4.6.0: `dataset/preprocessor/core.py`, `template/base.py`).

`reward` is `preference` with a margin. They are apart because ms-swift hands a margin to its DPO trainer as well, which
passes it on to the model as an argument.
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference, Question, Rating
from constitution.exports.messages import MESSAGES, METADATA, conversation, metadata, scalar, sft, turns


def preference(example: Preference) -> dict[str, Any]:
    """`messages` ends in the better response; `rejected_response` is the other one's text."""
    return {
        "messages": turns(example.prompt, example.chosen),
        "rejected_response": example.rejected,
        "metadata": metadata(example.origin),
    }


def reward(example: Preference) -> dict[str, Any]:
    """A preference with `margin`, in nats."""
    return {**preference(example), "margin": float(example.margin)}


def kto(example: Rating) -> dict[str, Any]:
    """`messages`, the response last, and `label`: whether it is good."""
    return {
        "messages": turns(example.prompt, example.response),
        "label": example.good,
        "metadata": metadata(example.origin),
    }


def prompts(example: Question) -> dict[str, Any]:
    """`messages`, ending in a user turn."""
    return {"messages": turns(example.prompt), "metadata": metadata(example.origin)}


_PAIR = [conversation("messages"), scalar("rejected_response"), METADATA]

FAMILY = Family(
    kinds={
        "sft": Kind(Demonstration, sft, MESSAGES, "supervised fine-tuning: `swift sft`"),
        "preference": Kind(
            Preference, preference, _PAIR, "`swift rlhf --rlhf_type dpo`: `messages` ends in the better response"
        ),
        "reward": Kind(
            Preference,
            reward,
            [*_PAIR, scalar("margin", "float64")],
            "`swift rlhf --rlhf_type rm`: as preference, with a `margin` of the scores",
        ),
        "kto": Kind(
            Rating,
            kto,
            [conversation("messages"), scalar("label", "bool"), METADATA],
            "`swift rlhf --rlhf_type kto`: `label` says whether the last response is good",
        ),
        "prompts": Kind(
            Question, prompts, [conversation("messages"), METADATA], "prompts for `swift rlhf --rlhf_type grpo`"
        ),
    },
    stacks="ms-swift",
)
