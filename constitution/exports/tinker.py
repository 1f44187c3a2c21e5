"""Rows as Tinker's cookbook loads them (read in 0.6.1: `preference/preference_datasets.py`, `supervised/data.py`).

`ComparisonBuilderFromJsonl` reads `comparisons`, for a preference model as for DPO; `FromConversationFileBuilder`
reads `sft`.
"""

from typing import Any

from constitution.digests import derive_uniform
from constitution.exports.examples import Demonstration, Family, Kind, Preference
from constitution.exports.messages import (
    MESSAGES,
    METADATA,
    assistant,
    conversation,
    metadata,
    scalar,
    sft,
    struct,
    turns,
)


def comparison(example: Preference) -> dict[str, Any]:
    """Two completions and the `label` of the better one.

    The better one is A in half of the rows, by a hash of the three texts: a model that learns to name the better one
    must not learn to name the first.
    """
    prompt = turns(example.prompt)
    chosen_is_a = derive_uniform("tinker", prompt, example.chosen, example.rejected) < 0.5
    a, b = (example.chosen, example.rejected) if chosen_is_a else (example.rejected, example.chosen)
    return {
        "comparison": {"prompt_conversation": prompt, "completion_A": [assistant(a)], "completion_B": [assistant(b)]},
        "label": "A" if chosen_is_a else "B",
        "metadata": metadata(example.origin),
    }


FAMILY = Family(
    kinds={
        "sft": Kind(
            Demonstration,
            sft,
            MESSAGES,
            "supervised fine-tuning: `FromConversationFileBuilder`",
        ),
        "comparisons": Kind(
            Preference,
            comparison,
            [
                struct(
                    "comparison",
                    conversation("prompt_conversation"),
                    conversation("completion_A"),
                    conversation("completion_B"),
                ),
                scalar("label"),
                METADATA,
            ],
            "preference model and DPO: `ComparisonBuilderFromJsonl`; `label` names the better completion",
        ),
    },
    stacks="Tinker's cookbook",
)
