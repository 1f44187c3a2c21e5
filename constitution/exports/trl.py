"""Rows as TRL loads them: https://huggingface.co/docs/trl/dataset_formats (conversational form).

Every message holds `role` and `content` and nothing else; every conversation that a model learns from ends on an
assistant turn. Where a row came from is kept in one text column that trainers leave alone: `metadata`, a JSON object as
text. Readers infer the types of nested columns from the first rows they see, and take a column of ids for dates if
all of them look like dates; JSON text they leave as it is.
(A file in which every response is a bare ISO date would still be read as dates: `datasets` offers no way around that.)
"""

import json
from typing import Any, Literal

from constitution.records import Transcript


def sft_rows(transcript: Transcript, revisions: Literal["final", "all"] = "final") -> list[dict[str, Any]]:
    """`messages`: the prompt and a revision; one row, or one for each round.

    Revisions with equal text are one row.
    """
    rounds = range(1, len(transcript.rounds) + 1) if revisions == "all" else [len(transcript.rounds)]
    texts = {transcript.responses[number].text: number for number in rounds}
    return [
        {"messages": [*_prompt(transcript), _assistant(text)], **_origin(transcript, number)}
        for text, number in texts.items()
    ]


def preference_rows(transcript: Transcript) -> list[dict[str, Any]]:
    """`prompt`, `chosen` (the final revision), `rejected` (the initial response); none if the two are equal."""
    chosen, rejected = transcript.responses[-1], transcript.responses[0]
    if chosen.text == rejected.text:
        return []
    return [
        {
            "prompt": _prompt(transcript),
            "chosen": [_assistant(chosen.text)],
            "rejected": [_assistant(rejected.text)],
            **_origin(transcript, len(transcript.rounds)),
        }
    ]


def _prompt(transcript: Transcript) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in transcript.prompt]


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _origin(transcript: Transcript, revision: int) -> dict[str, str]:
    origin = {
        "id": transcript.id,
        "principles": [round.principle for round in transcript.rounds[:revision]],
        "revision": revision,
        "finish_reason": transcript.responses[revision].finish_reason,
        "row": transcript.metadata,
    }
    return {"metadata": json.dumps(origin, ensure_ascii=False)}
