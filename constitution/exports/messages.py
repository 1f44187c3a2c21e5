"""What the families' rows are made of: turns, where a row came from, and columns as a dataset card declares them.

Messages hold `role` and `content` and nothing else. Where a row came from is one text column, a JSON object as text:
readers infer the types of nested columns from the first rows they see, and take a column of ids for dates if all of
them look like dates; JSON text they leave as it is.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from constitution.exports.examples import Demonstration, Preference, Question
from constitution.records import Message

Column = dict[str, Any]

_MESSAGE: list[Column] = [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]


def turns(messages: Sequence[Message], response: str | None = None) -> list[dict[str, str]]:
    """A conversation as a list of messages; with `response`, an assistant turn that ends it."""
    made = [{"role": message.role, "content": message.content} for message in messages]
    return made if response is None else [*made, assistant(response)]


def assistant(text: str) -> dict[str, str]:
    """A response as a message."""
    return {"role": "assistant", "content": text}


def metadata(origin: Mapping[str, JsonValue]) -> str:
    """Where a row came from, as JSON text."""
    return json.dumps(origin, ensure_ascii=False)


def conversation(name: str) -> Column:
    """A column of messages."""
    return {"name": name, "list": _MESSAGE}


def message(name: str) -> Column:
    """A column of one message, not in a list."""
    return {"name": name, "struct": _MESSAGE}


def scalar(name: str, dtype: str = "string") -> Column:
    """A column of text, or of another type by its name in `datasets`: `float64`, `int64`, `bool`."""
    return {"name": name, "dtype": dtype}


def struct(name: str, *fields: Column) -> Column:
    """A column of objects with these fields."""
    return {"name": name, "struct": list(fields)}


def structs(name: str, *fields: Column) -> Column:
    """A column of lists of objects with these fields."""
    return {"name": name, "list": list(fields)}


METADATA = scalar("metadata")
MESSAGES = [conversation("messages"), METADATA]


def sft(example: Demonstration) -> dict[str, Any]:
    """`messages`, the response last: what most stacks fine-tune on."""
    return {"messages": turns(example.prompt, example.response), "metadata": metadata(example.origin)}


def prompts(example: Question) -> dict[str, Any]:
    """`prompt`: a conversation to go on with."""
    return {"prompt": turns(example.prompt), "metadata": metadata(example.origin)}


def pair(example: Preference, **scores: float) -> dict[str, Any]:
    """`prompt`, `chosen`, `rejected`: lists of messages; then whatever scores the stack reads."""
    return {
        "prompt": turns(example.prompt),
        "chosen": [assistant(example.chosen)],
        "rejected": [assistant(example.rejected)],
        **scores,
        "metadata": metadata(example.origin),
    }
