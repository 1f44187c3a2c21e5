"""Which responses of a run are scored: those of its transcripts, those that were compared, or both."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydantic import JsonValue

from constitution.manifest import COMPARE, REVISE, load_manifest
from constitution.records import Candidate, Comparison, Message, Transcript
from constitution.row_states import State, read_states
from constitution.score_settings import ScoreSettings
from constitution.store import comparisons, transcripts

# Of these, responses are read from comparisons.
COMPARED = frozenset({"samples", "all"})


@dataclass(frozen=True)
class ScoreRow:
    """A prompt with the responses that are scored."""

    id: str
    index: int
    prompt: tuple[Message, ...]
    metadata: dict[str, JsonValue]
    responses: tuple[Candidate, ...]


def rows_to_score(folder: Path, settings: ScoreSettings, skip: int) -> Iterator[ScoreRow]:
    """The finished rows of a run in order: the same rows, however many others are finished later.

    Args:
        folder: The run's.
        settings: What is scored.
        skip: Rows that the run leaves out at the start of its input.
    """
    for row in _rows(folder, settings.on):
        if settings.limit is None or row.index < skip + settings.limit:
            yield row


def _rows(folder: Path, on: str) -> Iterator[ScoreRow]:
    if on == "samples":
        return map(_compared, _by_row(folder))
    if on == "all":
        return _both(folder)
    model = load_manifest(folder, REVISE).model
    return (_answered(transcript, on, model) for transcript in transcripts(folder))


def _answered(transcript: Transcript, on: str, model: str) -> ScoreRow:
    last = len(transcript.rounds)
    numbers = {"final": [last], "ends": sorted({0, last})}.get(on, list(range(last + 1)))
    responses = tuple(
        Candidate(
            text=transcript.responses[number].text,
            source=f"revision-{number}" if number else "response",
            model=model,
            finish_reason=transcript.responses[number].finish_reason,
        )
        for number in numbers
    )
    return ScoreRow(transcript.id, transcript.index, transcript.prompt, transcript.metadata, responses)


def _by_row(folder: Path) -> Iterator[list[Comparison]]:
    """The comparisons of each row that has all of its."""
    states = read_states(folder, COMPARE)
    for index, group in groupby(comparisons(folder), lambda one: one.index):
        if states[index] is State.DONE:
            yield list(group)


def _compared(found: list[Comparison]) -> ScoreRow:
    # Place and strength are what comparisons made of a response: a score knows neither.
    sides = {side.source: side for one in found for side in one.candidates}
    unknown = dict.fromkeys(("rank", "strength", "reward"))
    responses = tuple(side.model_copy(update=unknown) for side in sides.values())
    first = found[0]
    return ScoreRow(first.row, first.index, first.prompt, first.metadata, responses)


def _both(folder: Path) -> Iterator[ScoreRow]:
    """Rows that are finished in both stages, responses of the first one first."""
    model = load_manifest(folder, REVISE).model
    compared = _by_row(folder)
    group = next(compared, None)
    for transcript in transcripts(folder):
        while group and group[0].index < transcript.index:
            group = next(compared, None)
        if group and group[0].index == transcript.index:
            row = _answered(transcript, "responses", model)
            own = {one.source for one in row.responses}
            others = tuple(one for one in _compared(group).responses if one.source not in own)
            yield ScoreRow(row.id, row.index, row.prompt, row.metadata, (*row.responses, *others))
