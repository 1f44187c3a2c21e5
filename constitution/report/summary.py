"""A run in numbers, from its stored records."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from constitution.counts import Counts
from constitution.durable import write_whole
from constitution.errors import unwritable
from constitution.journal import read_records
from constitution.manifest import REVISE, Manifest, Stage, load_manifest
from constitution.records import Call, Failure, Filtered, Record
from constitution.row_states import State, read_states
from constitution.spending import Bill, bill, spent_in
from constitution.store import count, transcripts

if TYPE_CHECKING:
    from constitution.model_settings import ModelSettings
    from constitution.prices import Prices


class Summary(Record):
    """A run in numbers; lengths are in tokens.

    Attributes:
        counts: Where the rows are.
        pending: Rows still owed.
        calls: Journalled model calls, those of unfinished rows included.
        model: The model's name.
        failures: Failed rows by kind of error.
        last_failure: What the last of them failed at, and why; empty if there is none.
        filtered: Filtered rows by reason.
        completion_tokens: Sampled for the finished rows.
        prompt_tokens: Read for the finished rows.
        cut: Answers that ended at `max_tokens`, critiques included.
        unchanged: Rows whose final revision is the initial response, word for word.
        principles: How often each was drawn.
        control_strings: Control strings in texts for a server: of all journalled calls, and of those that failed by it.
        control_tokens: What was done about them, as the setting of that name, which models may have each for itself;
            empty if there are none.
        spent: By all calls of the folder, those of unfinished rows and of other stages included; None if prices are not
            told.
    """

    counts: Counts
    pending: int
    calls: int
    model: str
    failures: dict[str, int]
    last_failure: str
    filtered: dict[str, int]
    completion_tokens: int
    prompt_tokens: int
    cut: int
    unchanged: int
    principles: dict[str, int]
    control_strings: int
    control_tokens: tuple[str, ...]
    spent: Bill | None = None


def summarise(run: Path, prices: "Prices | None" = None) -> Summary:
    """Read a run's folder.

    Args:
        run: The folder.
        prices: What tokens cost.

    Raises:
        RunError: It is not a run.
    """
    counts = count(run)
    manifest = load_manifest(run)
    sampled = read = cut = unchanged = 0
    drawn: Counter[str] = Counter()
    for transcript in transcripts(run):
        for completion in (*transcript.completions, *transcript.others):
            sampled += completion.completion_tokens
            read += completion.prompt_tokens
            cut += completion.finish_reason == "length"
        unchanged += transcript.responses[0].text == transcript.responses[-1].text
        drawn.update(round.principle for round in transcript.rounds)
    filtered = Counter(record.reason for record in read_records(run / REVISE.filtered, Filtered))
    failures = standing(run, REVISE)
    calls = count_calls(run / "calls.jsonl")
    return Summary(
        counts=counts,
        pending=counts.pending,
        calls=calls.number,
        model=manifest.model,
        failures=dict(Counter(failure.kind for failure in failures)),
        last_failure=told(failures[-1]) if failures else "",
        filtered=dict(filtered),
        completion_tokens=sampled,
        prompt_tokens=read,
        cut=cut,
        unchanged=unchanged,
        principles=dict(drawn.most_common()),
        control_strings=(found := calls.control_strings + sum(failure.control_strings for failure in failures)),
        control_tokens=treatments(_models(run, manifest)) if found else (),
        spent=bill(spent_in(run), prices) if prices else None,
    )


def standing(run: Path, stage: Stage) -> list[Failure]:
    """Failures of a stage that no later start has made good, in order; of a row that failed on several, the last."""
    states = read_states(run, stage)
    failed: dict[int, Failure] = {}
    for failure in read_records(run / stage.failures, Failure):
        if states[failure.index] is State.FAILED:
            failed.pop(failure.index, None)
            failed[failure.index] = failure
    return list(failed.values())


def told(failure: Failure) -> str:
    """What failed and why, in a line."""
    return f"{failure.step}: {failure.message}"


class CallCounts(Record):
    """A journal of calls in numbers."""

    number: int
    control_strings: int


def count_calls(journal: Path) -> CallCounts:
    """Count the calls of a stage, and the control strings in them."""
    number = control_strings = 0
    for call in read_records(journal, Call):
        number += 1
        control_strings += call.answer.control_strings if call.answer else 0
    return CallCounts(number=number, control_strings=control_strings)


def treatments(models: Iterable["ModelSettings"]) -> tuple[str, ...]:
    """What was done about control strings in texts for these models."""
    return tuple(sorted({model.control_tokens for model in models}))


def _models(run: Path, manifest: Manifest) -> "list[ModelSettings]":
    """All that the SL stage of a run asked."""
    from constitution.config import Settings
    from constitution.model_settings import models_of
    from constitution.stored_settings import stored_settings

    settings = stored_settings(Settings, manifest.settings, run)
    return models_of(settings.generator, settings.critic if settings.critique else None, settings.judge)


def write_summary(run: Path, prices: "Prices | None" = None) -> None:
    """Write `summary.json` into a run's folder; there whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    store_summary(run, summarise(run, prices))


def store_summary(run: Path, summary: Summary) -> None:
    """Write a summary of a run into its folder; there whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    path = run / "summary.json"
    try:
        write_whole(path, summary.model_dump_json(indent=2) + "\n")
    except OSError as bad:
        raise unwritable(path, bad) from None
