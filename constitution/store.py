"""A run's folder: every finished model call, every finished row, for each of its stages.

SL stage            RL stage                rules
manifest.json       compare.json            score.json            settings, digests of all that changes rows, the
                                                                  model's identity, the rows
calls.jsonl         compare-calls.jsonl     score-calls.jsonl     every finished model call, written before its answer
                                                                  is used
transcripts.jsonl   comparisons.jsonl       scores.jsonl          every finished row; a comparison a line
failures.jsonl      compare-failures.jsonl  score-failures.jsonl  every row that failed; the last word on a row counts
filtered.jsonl      compare-filtered.jsonl  score-filtered.jsonl  every row that can never be run

And `reviews.jsonl`, what people said: see `reviews.py`.
"""

from array import array
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TypeVar

from constitution.counts import Counts
from constitution.journal import parse, read_line, read_lines
from constitution.manifest import COMPARE, EXPAND, REVISE, SCORE, Stage, load_manifest
from constitution.records import Comparison, Record, Transcript
from constitution.row_states import read_states
from constitution.score_records import Scores

AnyRecord = TypeVar("AnyRecord", bound=Record)


def count(folder: Path, stage: Stage = REVISE) -> Counts:
    """Where the stage's rows are.

    Raises:
        RunError: The folder is not a run, or has no such stage.
    """
    rows = load_manifest(folder, stage).input
    return read_states(folder, stage).counts(rows)


def transcripts(folder: Path) -> Iterator[Transcript]:
    """The finished rows in the order of the input, which is not the order in which they finished.

    Only positions are held, not rows.
    """
    return _in_order(folder / REVISE.outcomes, Transcript)


def transcripts_at(folder: Path, positions: Container[int]) -> dict[int, Transcript]:
    """The finished rows at some positions of the input, by position; the others are not parsed."""
    path = folder / REVISE.outcomes
    return {line.position: parse(path, line, Transcript) for line in read_lines(path) if line.position in positions}


def answers(folder: Path) -> Iterator[Transcript]:
    """What a model answered when it was asked for new prompts, in the order of the calls: transcripts of no round."""
    return _in_order(folder / EXPAND.outcomes, Transcript)


def scores(folder: Path) -> Iterator[Scores]:
    """The scored rows in the order of the input; only positions are held."""
    return _in_order(folder / SCORE.outcomes, Scores)


def comparisons(folder: Path) -> Iterator[Comparison]:
    """The comparisons in the order of the input, those of one row together."""
    path = folder / COMPARE.outcomes
    places = sorted((line.position, line.offset) for line in read_lines(path))
    return (read_line(path, offset, Comparison) for _, offset in places)


def _in_order(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    # By position in the input: the byte at which the row's line begins, or -1.
    offsets = array("q")
    for line in read_lines(path):
        if line.position >= len(offsets):
            offsets.extend([-1] * max(line.position + 1 - len(offsets), len(offsets)))
        offsets[line.position] = line.offset
    return (read_line(path, offset, kind) for offset in offsets if offset >= 0)
