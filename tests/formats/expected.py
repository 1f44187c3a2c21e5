"""What consumers should make of the samples, in ChatML where they make text; and how to break a file of rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samples import TEXTS, dicts

from constitution.records import Role

Row = dict[str, Any]


def chatml(turns: list[tuple[Role, str]]) -> str:
    return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)


# Each prompt as text, ready for the response, and as messages.
PROMPTS = [chatml(turns) + "<|im_start|>assistant\n" for turns, _, _ in TEXTS]
ASKED = [dicts(turns) for turns, _, _ in TEXTS]
BETTER = [better for _, better, _ in TEXTS]
WORSE = [worse for _, _, worse in TEXTS]
MARGINS = [number / 4 for number in range(len(TEXTS))]
# What KTO learns from: the better response of each prompt, then the worse one.
RATED = [
    (place, text, good)
    for place, (_, better, worse) in enumerate(TEXTS)
    for text, good in ((better, True), (worse, False))
]


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def changed(path: Path, to: Path, change: Callable[[Row], Row]) -> Path:
    """A copy of a file of rows, each changed in the same way."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text("".join(json.dumps(change(row)) + "\n" for row in rows(path)), encoding="utf-8")
    return to


def renamed(before: str, after: str) -> Callable[[Row], Row]:
    return lambda row: {after if name == before else name: value for name, value in row.items()}


def swapped(one: str, other: str) -> Callable[[Row], Row]:
    return lambda row: row | {one: row[other], other: row[one]}
