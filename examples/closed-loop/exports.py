"""Training data for the baselines, which the program itself does not make: laid out as its exports are.

A recipe is copied from an export as it is, so that a baseline trains in the same way, on other rows.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from errors import LoopError
from people import read_lines, write_lines

from constitution.records import Message
from constitution.store import comparisons, transcripts


def initial_responses(run: Path, export: Path, to: Path) -> int:
    """The rows of an sft export with the initial response in the place of the revision; returns how many.

    Args:
        run: The run that the export is of.
        export: Decides which prompts there are.
        to: The folder to lay out.
    """
    first = {one.id: one.response.text for one in transcripts(run)}
    rows = []
    for row in read_lines(export / "sft" / "train.jsonl"):
        origin = json.loads(row["metadata"])
        answer = {"role": "assistant", "content": first[origin["id"]]}
        rows.append({**row, "messages": [*row["messages"][:-1], answer]})
    _lay_out(rows, "sft", export / "recipes" / "sft.yaml", to)
    return len(rows)


def one_order_labels(run: Path, recipe: Path, to: Path) -> int:
    """Pairs labelled by what the judge said when the first response was shown as (A), and by nothing else.

    No order is averaged and no tie left out: only what no judge could read, and a response against itself.

    Args:
        run: A run with comparisons by a judge that chooses between letters.
        recipe: How to train on them.
        to: The folder to lay out.
    """
    rows = []
    for one in comparisons(run):
        if one.p_forward is None or one.first.text == one.second.text:
            continue
        pair = (one.first.text, one.second.text)
        chosen, rejected = pair if one.p_forward >= 0.5 else pair[::-1]
        p = max(one.p_forward, 1 - one.p_forward)
        origin = json.dumps({"id": one.row})
        prompt = [_message(message) for message in one.prompt]
        rows.append(
            {"prompt": prompt, "chosen": [_answer(chosen)], "rejected": [_answer(rejected)], "p_chosen": p}
            | {"metadata": origin}
        )
    _lay_out(rows, "preference", recipe, to)
    return len(rows)


def first_shown_wins(run: Path) -> tuple[int, int]:
    """In how many comparisons the first order said the first response, and of how many."""
    said = [one.p_forward >= 0.5 for one in comparisons(run) if one.p_forward is not None]
    return sum(said), len(said)


def rows_of(export: Path, kind: str) -> int:
    """How many rows an export has to train on.

    Raises:
        LoopError: None.
    """
    rows = len(read_lines(export / kind / "train.jsonl"))
    if not rows:
        raise LoopError(
            f"{export}: no {kind} rows are left to train on",
            "Give other gates in the settings, then make the rows anew: --from export; or more prompts: --from data",
        )
    return rows


def _lay_out(rows: list[dict[str, Any]], kind: str, recipe: Path, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    write_lines(rows, to / kind / "train.jsonl")
    (to / "recipes").mkdir()
    shutil.copy(recipe, to / "recipes" / recipe.name)
    rows_of(to, kind)


def _message(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
