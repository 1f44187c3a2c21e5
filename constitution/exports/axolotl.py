"""Rows as Axolotl loads them (read in 0.19.0: `prompt_strategies/`), and the lines of a configuration that name them.

DPO takes the prompt and both responses as messages (`chat_template.default`). Its KTO strategies for conversations,
`chatml.argilla_chat` and `llama3.argilla_chat`, take the whole conversation in `completion` and write the control
tokens of ChatML or Llama 3 themselves. Its reward model strategy knows only one user turn a prompt, so there is no kind
for it.
"""

import io
from collections.abc import Collection
from typing import Any

from ruamel.yaml import YAML

from constitution.exports.examples import Demonstration, Family, Kind, Preference, Rating, Written
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    conversation,
    metadata,
    pair,
    scalar,
    sft,
    turns,
)

# What a dataset of each kind says besides its path, and what the configuration says besides its datasets.
_DATASET: dict[str, dict[str, Any]] = {
    "sft": {"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"]},
    "preference": {
        "type": "chat_template.default",
        "field_messages": "prompt",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
    },
    "kto": {"type": "chatml.argilla_chat"},
}
_CONFIGURATION: dict[str, dict[str, Any]] = {
    "sft": {"chat_template": "tokenizer_default"},
    "preference": {"rl": "dpo", "chat_template": "tokenizer_default"},
    "kto": {"rl": "kto", "remove_unused_columns": False},
}


def kto(example: Rating) -> dict[str, Any]:
    """`completion` is the whole conversation, the response last; `label`: whether it is good."""
    return {
        "completion": turns(example.prompt, example.response),
        "label": example.good,
        "metadata": metadata(example.origin),
    }


def configurations(written: Written, suffix: str) -> dict[str, str]:
    """`axolotl/KIND.yaml`: the lines to put into a configuration that is run from this folder."""
    return {f"axolotl/{kind}.yaml": _configuration(kind, splits, suffix) for kind, splits in written.items()}


def _configuration(kind: str, splits: Collection[str], suffix: str) -> str:
    lines = dict(_CONFIGURATION[kind])
    for split, key in (("train", "datasets"), ("test", "test_datasets")):
        if split in splits:
            # `split` is what Axolotl calls the whole of a file.
            lines[key] = [{"path": f"{kind}/{split}{suffix}", "split": "train", **_DATASET[kind]}]
    buffer, yaml = io.StringIO(), YAML()
    # The same list twice is written twice, not as an anchor.
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(lines, buffer)
    return buffer.getvalue()


FAMILY = Family(
    kinds={
        "sft": Kind(Demonstration, sft, MESSAGES, "supervised fine-tuning: `messages`"),
        "preference": Kind(
            Preference,
            pair,
            [conversation("prompt"), conversation("chosen"), conversation("rejected"), METADATA],
            "DPO and its like: `chosen` is the better response to `prompt`",
        ),
        "kto": Kind(
            Rating,
            kto,
            [conversation("completion"), scalar("label", "bool"), METADATA],
            "KTO: `label` says whether the response that ends `completion` is good",
        ),
    },
    stacks="Axolotl: `axolotl/` holds the lines to put into a configuration that is run from this folder",
    extra=configurations,
)
