"""Rows as LLaMA-Factory loads them, with its `dataset_info.json` (read in 0.9.5: `data/converter.py`, `parser.py`).

`formatting: sharegpt` with tags of our own names. In `preference`, `chosen` and `rejected` are one message each, not
lists: a list is not recognised as a pair, and the row silently becomes supervised training on the prompt.
A conversation that does not begin with the user (after a system prompt) it skips, with a warning.

    llamafactory-cli train … --dataset_dir FOLDER --dataset preference --eval_dataset preference_test
"""

import json
from typing import Any

from constitution.exports.examples import Demonstration, Family, Kind, Preference, Rating, Written
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    assistant,
    conversation,
    message,
    metadata,
    scalar,
    sft,
    turns,
)

_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_COLUMNS = {
    "sft": {"messages": "messages"},
    "preference": {"messages": "messages", "chosen": "chosen", "rejected": "rejected"},
    "kto": {"messages": "messages", "kto_tag": "label"},
}


def preference(example: Preference) -> dict[str, Any]:
    """`messages` is the prompt; `chosen` and `rejected` are one message each."""
    return {
        "messages": turns(example.prompt),
        "chosen": assistant(example.chosen),
        "rejected": assistant(example.rejected),
        "metadata": metadata(example.origin),
    }


def kto(example: Rating) -> dict[str, Any]:
    """`messages`, the response last, and `label`: whether it is good."""
    return {
        "messages": turns(example.prompt, example.response),
        "label": example.good,
        "metadata": metadata(example.origin),
    }


def index(written: Written, suffix: str) -> dict[str, str]:
    """`dataset_info.json`: the datasets `sft`, `sft_test`, and so on, for those files that were written."""
    datasets = {
        kind if split == "train" else f"{kind}_{split}": {
            "file_name": f"{kind}/{split}{suffix}",
            "formatting": "sharegpt",
            "ranking": kind == "preference",
            "columns": _COLUMNS[kind],
            "tags": _TAGS,
        }
        for kind, splits in written.items()
        for split in splits
    }
    return {"dataset_info.json": json.dumps(datasets, indent=2) + "\n"}


FAMILY = Family(
    kinds={
        "sft": Kind(Demonstration, sft, MESSAGES, "supervised fine-tuning: `messages`"),
        "preference": Kind(
            Preference,
            preference,
            [conversation("messages"), message("chosen"), message("rejected"), METADATA],
            "reward modelling and DPO: `messages` is the prompt, `chosen` the better response",
        ),
        "kto": Kind(
            Rating,
            kto,
            [conversation("messages"), scalar("label", "bool"), METADATA],
            "KTO: `label` says whether the response that ends `messages` is good",
        ),
    },
    stacks="LLaMA-Factory: give this folder as `dataset_dir`; `dataset_info.json` names what is in it",
    extra=index,
)
