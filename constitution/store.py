"""A run's folder: every finished model call, every finished row, for each of the two stages.

SL stage            RL stage
manifest.json       compare.json            settings, digests of all that changes rows, the model's identity, the rows
calls.jsonl         compare-calls.jsonl     every finished model call, written before its answer is used
transcripts.jsonl   comparisons.jsonl       every finished row; in the RL stage a line a comparison
failures.jsonl      compare-failures.jsonl  every row that failed; the last word on a row counts
filtered.jsonl      compare-filtered.jsonl  every row that can never be run
"""

from array import array
from collections.abc import Iterator
from pathlib import Path

from constitution.counts import Counts
from constitution.journal import read_line, read_lines
from constitution.manifest import COMPARE, REVISE, Stage, load_manifest
from constitution.records import Comparison, Transcript
from constitution.row_states import read_states


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
    path = folder / REVISE.outcomes
    # By position in the input: the byte at which the row's line begins, or -1.
    offsets = array("q")
    for line in read_lines(path):
        if line.position >= len(offsets):
            offsets.extend([-1] * max(line.position + 1 - len(offsets), len(offsets)))
        offsets[line.position] = line.offset
    return (read_line(path, offset, Transcript) for offset in offsets if offset >= 0)


def comparisons(folder: Path) -> Iterator[Comparison]:
    """The comparisons in the order of the input, those of one row together."""
    path = folder / COMPARE.outcomes
    places = sorted((line.position, line.offset) for line in read_lines(path))
    return (read_line(path, offset, Comparison) for _, offset in places)
