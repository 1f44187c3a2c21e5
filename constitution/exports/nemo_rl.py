"""Rows as NeMo-RL loads them (read in August 2026: `nemo_rl/data/datasets/`, `nemo_rl/data/processors.py`).

Its trainers for DPO and reward models take two completions of different rank, the lower the better.
"""

from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference
from constitution.exports.messages import METADATA, assistant, conversation, metadata, scalar, structs, turns


def sft(example: Demonstration) -> dict[str, Any]:
    """`messages`, the response last."""
    return {"messages": turns(example.prompt, example.response), "metadata": metadata(example.origin)}


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
            [conversation("messages"), METADATA],
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
