"""Pairs that people judged, in three parts that share no conversation: by the first human turn.

One part is for the judge, one for the independent evaluator, and of the third only the prompts are used. The part of a
conversation is a hash of its first turn, so it is the same whatever else is in the file.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from constitution.digests import derive_uniform
from constitution.pair_files import PairRow, read_pairs
from constitution.records import Message, Record

Part = Literal["judge", "evaluator", "prompts"]
# Where the parts end, as shares of all conversations: what needs most pairs for what it learns gets most.
JUDGE, EVALUATOR = 0.35, 0.85


class Pair(Record):
    """Two responses to a conversation, of which people preferred the first.

    Attributes:
        prompt: The conversation, ending on a human turn.
        chosen: The one they preferred.
        rejected: The other one.
    """

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def opening(self) -> str:
        """The first turn: pairs that share it belong together."""
        return self.prompt[0].content

    @property
    def length(self) -> int:
        """Characters of the conversation."""
        return sum(len(message.content) for message in self.prompt)


def read_parts(file: Path, seed: int) -> dict[Part, list[Pair]]:
    """The pairs of a file by part, rows that are no pair left out.

    Raises:
        SourceError: The file is not there, or holds no pairs.
    """
    parts: dict[Part, list[Pair]] = {"judge": [], "evaluator": [], "prompts": []}
    for row in read_pairs(str(file)):
        if pair := _preferred(row):
            parts[part_of(pair, seed)].append(pair)
    return parts


def part_of(pair: Pair, seed: int) -> Part:
    """Which part a pair is in."""
    place = derive_uniform("part", seed, " ".join(pair.opening.split()).casefold())
    return "judge" if place < JUDGE else "evaluator" if place < EVALUATOR else "prompts"


def some(pairs: Sequence[Pair], number: int, longest: int, seed: int) -> list[Pair]:
    """At most so many pairs whose conversation has at most `longest` characters, each conversation once."""
    seen: set[tuple[Message, ...]] = set()
    short = [pair for pair in pairs if pair.length <= longest]
    found: list[Pair] = []
    for pair in sorted(short, key=lambda one: derive_uniform("some", seed, one.model_dump(mode="json"))):
        if pair.prompt not in seen and len(found) < number:
            seen.add(pair.prompt)
            found.append(pair)
    return found


def write_pairs(pairs: Iterable[Pair], to: Path) -> None:
    """As JSONL that the program reads as preference pairs."""
    write_lines((_row(pair) for pair in pairs), to)


def write_lines(rows: Iterable[dict[str, Any]], to: Path) -> None:
    """As JSONL."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file, which may lack."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def _row(pair: Pair) -> dict[str, Any]:
    prompt = [message.model_dump() for message in pair.prompt]
    return {"prompt": prompt, "chosen": pair.chosen, "rejected": pair.rejected}


def _preferred(row: PairRow) -> Pair | None:
    if not row.candidates or row.gold is None or not row.prompt.messages:
        return None
    first, second = (candidate.text for candidate in row.candidates)
    if first == second:
        return None
    chosen, rejected = (first, second) if row.gold == "first" else (second, first)
    return Pair(prompt=row.prompt.messages, chosen=chosen, rejected=rejected)
