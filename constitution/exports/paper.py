r"""Rows in the form of the samples and judge examples that Bai et al. released (arXiv 2212.08073).

https://github.com/anthropics/ConstitutionalHarmlessnessPaper, `samples/` and `evals/`. Prompts are text,
`\n\nHuman: … \n\nAssistant:`, and every sample begins with the space that follows the colon. How a system prompt or a
marker inside a turn is written: `hh_rlhf.py`.
"""

from typing import Any

from constitution.exports.examples import Chain, Family, Kind, Preference
from constitution.exports.hh_rlhf import dialogue
from constitution.exports.messages import METADATA, Column, metadata, scalar, struct, structs
from constitution.principles import Principle
from constitution.records import Completion, Round


def chain(example: Chain) -> dict[str, Any]:
    """`rl_prompt`, `initial_response` and, in `cst`, the principle, critique and revision of each round.

    Departure: in direct revision the critique's sample is empty text. (An absent key would be a null to most readers.)
    """
    transcript = example.transcript
    return {
        "rl_prompt": dialogue(transcript.prompt),
        "comparison_dataset": example.source,
        "cst": [_round(round, example.principles[round.principle]) for round in transcript.rounds],
        "initial_response": [_sample(transcript.response)],
    }


def comparison(example: Preference) -> dict[str, Any]:
    """`prompt` with one response in `corrects` and one in `incorrects`, as in the examples for the judge."""
    return {
        "prompt": dialogue(example.prompt),
        "corrects": [f" {example.chosen}"],
        "incorrects": [f" {example.rejected}"],
        "metadata": metadata(example.origin),
    }


def _round(round: Round, principle: Principle) -> dict[str, Any]:
    return {
        "cst_key": principle.id,
        "cst_value": {
            "edit_request": f"\n\nRevisionRequest: {principle.revision_request}\n\nRevision:",
            "prompt": [f"\n\nCritiqueRequest: {principle.critique_request}\n\nCritique:"],
        },
        "critique": {"sample": ""} if round.critique is None else _sample(round.critique),
        "revision": _sample(round.revision),
    }


def _sample(completion: Completion) -> dict[str, str]:
    return {"sample": f" {completion.text}"}


def _texts(name: str) -> Column:
    return {"name": name, "list": "string"}


FAMILY = Family(
    kinds={
        "chains": Kind(
            Chain,
            chain,
            [
                scalar("rl_prompt"),
                scalar("comparison_dataset"),
                structs(
                    "cst",
                    scalar("cst_key"),
                    struct("cst_value", scalar("edit_request"), _texts("prompt")),
                    struct("critique", scalar("sample")),
                    struct("revision", scalar("sample")),
                ),
                structs("initial_response", scalar("sample")),
            ],
            "whole chains: the response, and each round's principle, critique and revision",
        ),
        "comparisons": Kind(
            Preference,
            comparison,
            [scalar("prompt"), _texts("corrects"), _texts("incorrects"), METADATA],
            "preference pairs: `corrects` holds the better response",
        ),
    },
    stacks="whatever reads the samples and judge examples that Bai et al. released",
)
