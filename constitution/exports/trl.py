"""Rows as TRL loads them: https://huggingface.co/docs/trl/dataset_formats (conversational form).

Every message holds `role` and `content` and nothing else; every conversation that a model learns from ends on an
assistant turn. Trainers look for columns by name, so a kind has those of its trainer and `metadata`, nothing else:
the reward trainer takes any `margin` it finds and stops at one that is empty, the GRPO trainer hands every other column
to the reward function. (A file in which every response is a bare ISO date would be read as dates: `datasets` offers no
way around that without a dataset card.)
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference, Question, Rating, Rewarded
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    assistant,
    conversation,
    metadata,
    pair,
    prompts,
    scalar,
    sft,
    turns,
)
from constitution.exports.recipes import recipes
from constitution.exports.scores import rule_column


def _preference(example: Preference) -> dict[str, Any]:
    return pair(example, p_chosen=example.p_chosen)


def _reward(example: Preference) -> dict[str, Any]:
    return pair(example, p_chosen=example.p_chosen, margin=example.margin)


def _kto(example: Rating) -> dict[str, Any]:
    return {
        "prompt": turns(example.prompt),
        "completion": [assistant(example.response)],
        "label": example.good,
        "metadata": metadata(example.origin),
    }


def _scored(example: Rewarded) -> dict[str, Any]:
    return {
        "prompt": turns(example.prompt),
        "completion": [assistant(example.response)],
        "reward": example.reward,
        **{rule_column(rule): p for rule, p in example.scores.items()},
        "metadata": metadata(example.origin),
    }


_PAIR = [conversation("prompt"), conversation("chosen"), conversation("rejected"), scalar("p_chosen", "float64")]

FAMILY = Family(
    kinds={
        "sft": Kind(
            Demonstration,
            sft,
            MESSAGES,
            "supervised fine-tuning: `messages` ends with the response to imitate",
        ),
        "preference": Kind(
            Preference,
            _preference,
            [*_PAIR, METADATA],
            "preference pairs for DPO: `chosen` is better than `rejected` with probability `p_chosen`",
        ),
        "reward": Kind(
            Preference,
            _reward,
            [*_PAIR, scalar("margin", "float64"), METADATA],
            "the same pairs for a reward model: `margin`, in nats, is what the score of `chosen` should be ahead by; "
            "0 asks for nothing",
        ),
        "kto": Kind(
            Rating,
            _kto,
            [conversation("prompt"), conversation("completion"), scalar("label", "bool"), METADATA],
            "single responses for KTO: `label` is true for a good one",
        ),
        "prompts": Kind(
            Question,
            prompts,
            [conversation("prompt"), METADATA],
            "prompts to answer, for GRPO, RLOO and online DPO",
        ),
        "scored": Kind(
            Rewarded,
            _scored,
            [conversation("prompt"), conversation("completion"), scalar("reward", "float64"), METADATA],
            "single responses with a `reward`, and in `rule_ID` the probability that the rule ID is true of each",
        ),
    },
    stacks="TRL (SFT, Reward, DPO, KTO, GRPO, RLOO and online DPO trainers)",
    extra=recipes,
)
