"""Rows as NeMo-RL loads them (read in August 2026: `nemo_rl/data/datasets/`, `nemo_rl/data/processors.py`).

Its trainers for DPO and reward models take two completions of different rank, the lower the better.
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    assistant,
    conversation,
    metadata,
    scalar,
    sft,
    structs,
    turns,
)


def preference(example: Preference) -> dict[str, Any]:
    """`context` and two `completions`; rank 0 is the better one."""
    return {
        "context": turns(example.prompt),
        "completions": [
            {"rank": rank, "completion": [assistant(text)]}
            for rank, text in enumerate((example.chosen, example.rejected))
        ],
        "metadata": metadata(example.origin),
    }


FAMILY = Family(
    kinds={
        "sft": Kind(
            Demonstration,
            sft,
            MESSAGES,
            "supervised fine-tuning: `dataset_name: openai_format`, `data_path:` the file",
        ),
        "preference": Kind(
            Preference,
            preference,
            [
                conversation("context"),
                structs("completions", scalar("rank", "int64"), conversation("completion")),
                METADATA,
            ],
            "reward model and DPO: `dataset_name: PreferenceDataset`, `data_path:` the file; rank 0 is the better",
        ),
    },
    stacks="NeMo-RL",
)
