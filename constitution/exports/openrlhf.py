"""Rows as OpenRLHF loads them (read in 0.11.2: `datasets/`), by the flags that each kind's meaning names.

Give `--data.dataset` the `.jsonl` file itself, not the folder. Version 0.11 has no KTO trainer.
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference, Question
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    conversation,
    pair,
    prompts,
    scalar,
    sft,
)


def preference(example: Preference) -> dict[str, Any]:
    """`prompt`, `chosen`, `rejected`, and `margin` in nats, which only its reward model trainer reads."""
    return pair(example, margin=example.margin)


FAMILY = Family(
    kinds={
        "sft": Kind(
            Demonstration,
            sft,
            MESSAGES,
            "supervised fine-tuning: `--data.input_key messages --data.apply_chat_template`",
        ),
        "preference": Kind(
            Preference,
            preference,
            [
                conversation("prompt"),
                conversation("chosen"),
                conversation("rejected"),
                scalar("margin", "float64"),
                METADATA,
            ],
            "reward model and DPO: `--data.prompt_key prompt --data.apply_chat_template`; the reward model reads "
            "`margin` with `--model.margin_loss_enable`",
        ),
        "prompts": Kind(
            Question,
            prompts,
            [conversation("prompt"), METADATA],
            "prompts for PPO: `--data.prompt_dataset FILE --data.input_key prompt --data.apply_chat_template`",
        ),
    },
    stacks="OpenRLHF: give `--data.dataset` the file, not the folder",
)
