"""Rows as verl loads them (read in 0.9.1: `utils/dataset/rl_dataset.py`, `utils/dataset/multiturn_sft_dataset.py`).

Its supervised dataset reads Parquet only, its RL dataset JSONL and Parquet. What a reward function gets of a row is
`data_source`, `reward_model.ground_truth` and `extra_info`, so that is where the metadata is.
"""

from typing import Any

from constitution.digests import derive_seed
from constitution.exports.examples import Demonstration, Family, Kind, Question
from constitution.exports.messages import MESSAGES, METADATA, conversation, metadata, scalar, sft, struct, turns


def prompts(example: Question) -> dict[str, Any]:
    """`prompt` and what verl asks of a row that a model scores: there is no right answer to compare with.

    `extra_info.index` tells prompts apart: a hash of the prompt, in [0, 2^48).
    """
    prompt = turns(example.prompt)
    return {
        "prompt": prompt,
        "data_source": "constitution",
        "ability": "harmlessness",
        "reward_model": {"style": "model", "ground_truth": ""},
        "extra_info": {"index": derive_seed("verl", prompt), "metadata": metadata(example.origin)},
    }


FAMILY = Family(
    kinds={
        "sft": Kind(
            Demonstration,
            sft,
            MESSAGES,
            "supervised fine-tuning: `data.messages_key=messages`",
            parquet=True,
        ),
        "prompts": Kind(
            Question,
            prompts,
            [
                conversation("prompt"),
                scalar("data_source"),
                scalar("ability"),
                struct("reward_model", scalar("style"), scalar("ground_truth")),
                struct("extra_info", scalar("index", "int64"), METADATA),
            ],
            "prompts for PPO and GRPO with a reward model",
        ),
    },
    stacks="verl",
)
