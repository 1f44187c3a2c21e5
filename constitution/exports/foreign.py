"""Examples in other people's files, told by their columns.

    demonstrations   `messages` ending on an answer, or `prompt` + `completion` (without `label`)
    pairs            `chosen` + `rejected`: answers or whole conversations, with or without `prompt`
    ratings          those of pairs, or `prompt` + `completion` + `label`
    prompts          the prompts of all of these, or `prompt` alone

Prompts and answers are text, transcripts of the hh-rlhf form, or lists of messages.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from constitution.conversations import is_transcript, parse_transcript, tidy
from constitution.errors import ExportError
from constitution.exports.examples import Demonstration, Preference, Question, Rating
from constitution.exports.picks import Example
from constitution.readers import READERS, Row
from constitution.records import Message, Role

ENDINGS = (".jsonl", ".ndjson", ".parquet")
WANTED = "messages; prompt and completion; prompt, completion and label; chosen and rejected; prompt"


def rows_in(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of a file, each with its place.

    Raises:
        ExportError: No such file, or not of a form that can be mixed in.
        SourceError: A broken row.
    """
    name = path.name.lower().removesuffix(".gz")
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), None)
    if not path.is_file():
        raise ExportError(f"--mix {path}: no such file", "Give --mix FILE:WEIGHT, for example helpful.jsonl:1")
    if ending is None:
        raise ExportError(f"--mix {path}: neither JSONL nor Parquet", f"Its name must end in: {', '.join(ENDINGS)}")
    return READERS[ending](path)


def types_of(columns: Iterable[str]) -> set[type]:
    """The types of example that rows with these columns hold."""
    names = set(columns)
    if {"chosen", "rejected"} <= names:
        return {Preference, Rating, Question}
    if {"prompt", "completion", "label"} <= names:
        return {Rating, Question}
    if "messages" in names or {"prompt", "completion"} <= names:
        return {Demonstration, Question}
    return {Question} if "prompt" in names else set()


def examples_in(path: Path, kind: type) -> Iterator[Example | None]:
    """The examples of one type in a file; None for each that is of no use: without an answer, a pair of equal ones.

    Raises:
        ExportError: A row without the columns, or with something else than conversations in them.
        SourceError: A broken row.
    """
    for number, (where, row) in enumerate(rows_in(path), 1):
        if kind not in types_of(row):
            raise wrong_columns(where, row)
        yield from _examples(kind, row, where, {"file": path.name, "row": number})


def wrong_columns(where: str, columns: Iterable[str]) -> ExportError:
    """What to say of columns that hold nothing of use."""
    return ExportError(f"{where}: columns that cannot be mixed in: {', '.join(columns) or 'none'}", f"Wanted: {WANTED}")


def _examples(kind: type, row: Row, where: str, origin: dict[str, JsonValue]) -> Iterator[Example | None]:
    if "chosen" in row and "rejected" in row:
        pair = _pair(row, where, origin)
        if pair is None or kind is Preference:
            yield pair
        elif kind is Question:
            yield Question(prompt=pair.prompt, origin=origin)
        else:
            yield Rating(prompt=pair.prompt, response=pair.chosen, good=True, origin=origin)
            yield Rating(prompt=pair.prompt, response=pair.rejected, good=False, origin=origin)
        return
    if "messages" in row:
        answered = _answered(_turns(row["messages"], f"{where}: messages", "user"))
    else:
        prompt = tidy(_turns(row["prompt"], f"{where}: prompt", "user"))
        end = _turns(row["completion"], f"{where}: completion", "assistant") if "completion" in row else []
        answered = _Answered(prompt, _answered(end).response)
    if not answered.prompt or (kind is not Question and not answered.response.strip()):
        yield None
    elif kind is Question:
        yield Question(prompt=answered.prompt, origin=origin)
    elif kind is Demonstration:
        yield Demonstration(prompt=answered.prompt, response=answered.response, origin=origin)
    elif isinstance(row["label"], bool):
        yield Rating(prompt=answered.prompt, response=answered.response, good=row["label"], origin=origin)
    else:
        raise ExportError(f"{where}: label is {row['label']!r}; it must be true or false")


def _pair(row: Row, where: str, origin: dict[str, JsonValue]) -> Preference | None:
    chosen = _answered(_turns(row["chosen"], f"{where}: chosen", "assistant"))
    rejected = _answered(_turns(row["rejected"], f"{where}: rejected", "assistant"))
    prompt = tidy(_turns(row["prompt"], f"{where}: prompt", "user")) if "prompt" in row else chosen.prompt
    # Whole conversations repeat the prompt, and those of a pair sometimes part before their last turn.
    given = "prompt" in row
    if any(side.prompt != prompt and (side.prompt or not given) for side in (chosen, rejected)) or not prompt:
        return None
    texts = chosen.response.strip(), rejected.response.strip()
    if not all(texts) or texts[0] == texts[1]:
        return None
    return Preference(
        prompt=prompt,
        chosen=chosen.response,
        rejected=rejected.response,
        p_chosen=_number(row.get("p_chosen"), 1.0, 1.0, f"{where}: p_chosen"),
        margin=_number(row.get("margin"), 0.0, math.inf, f"{where}: margin"),
        origin=origin,
    )


@dataclass(frozen=True)
class _Answered:
    """A conversation; the response is empty if it does not end on one."""

    prompt: tuple[Message, ...]
    response: str


def _answered(turns: list[Message]) -> _Answered:
    if turns and turns[-1].role == "assistant":
        return _Answered(tidy(turns[:-1]), turns[-1].content)
    return _Answered(tidy(turns), "")


def _turns(value: Any, where: str, role: Role) -> list[Message]:
    """A conversation; text that is no transcript is one turn of that role."""
    if isinstance(value, list):
        try:
            return [_sound(Message(role=turn["role"], content=turn["content"]), where) for turn in value]
        except (ValidationError, KeyError, TypeError):
            raise ExportError(
                f"{where}: not a list of messages",
                'A message is {"role": "system" | "user" | "assistant", "content": "text"}.',
            ) from None
    if not isinstance(value, str):
        found = json.dumps(value, default=str, ensure_ascii=False)[:80]
        raise ExportError(f"{where} is {found}; it must be text or a list of messages")
    turns = parse_transcript(value) if is_transcript(value) else [Message(role=role, content=value)]
    return [_sound(turn, where) for turn in turns]


def _sound(turn: Message, where: str) -> Message:
    try:
        turn.content.encode()
    except UnicodeEncodeError:
        raise ExportError(f"{where}: half of a surrogate pair, which no UTF-8 file can hold") from None
    return turn


def _number(value: Any, default: float, most: float, where: str) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value == math.inf:
        raise ExportError(f"{where} is {value!r}; it must be a number from 0 to {most:g}")
    return float(value)
