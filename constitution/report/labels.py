"""A run's comparisons in numbers, from its stored records."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from constitution.counts import Counts
from constitution.journal import read_records
from constitution.manifest import COMPARE, Manifest, load_manifest
from constitution.records import Filtered, Record
from constitution.report.summary import count_calls, standing, told, treatments
from constitution.store import comparisons, count

if TYPE_CHECKING:
    from constitution.model_settings import ModelSettings


class LabelSummary(Record):
    """A run's comparisons in numbers.

    Attributes:
        counts: Where the rows are; a row is a prompt with all its comparisons.
        pending: Rows still owed.
        comparisons: How many there are.
        statuses: Comparisons by status.
        identical: Comparisons of one text with itself, which nobody was asked about.
        votes: Votes of the judge, both orders counted.
        rewarded: Comparisons by two rewards, which take no votes.
        sampled: Comparisons by how many sampled answers each vote is the share of, where the judge told no
            log-probabilities; empty if all votes are log-probabilities.
        calls: Journalled model calls.
        judge: The feedback model's name.
        failures: Failed rows by kind of error.
        last_failure: As in `Summary`.
        filtered: Filtered rows by reason.
        control_strings: As in `Summary`.
        control_tokens: As in `Summary`.
    """

    counts: Counts
    pending: int
    comparisons: int
    statuses: dict[str, int]
    identical: int
    votes: int
    rewarded: int
    sampled: dict[int, int]
    calls: int
    judge: str
    failures: dict[str, int]
    last_failure: str
    filtered: dict[str, int]
    control_strings: int
    control_tokens: tuple[str, ...]


def summarise_labels(run: Path) -> LabelSummary:
    """Read a run's folder.

    Raises:
        RunError: It holds no comparisons.
    """
    manifest, counts = load_manifest(run, COMPARE), count(run, COMPARE)
    statuses: Counter[str] = Counter()
    sampled: Counter[int] = Counter()
    votes = identical = rewarded = 0
    for comparison in comparisons(run):
        statuses[comparison.status] += 1
        if comparison.sampled is not None:
            sampled[comparison.sampled] += 1
        votes += len(comparison.votes)
        identical += not comparison.judged
        rewarded += comparison.reward_first is not None
    filtered = Counter(record.reason for record in read_records(run / COMPARE.filtered, Filtered))
    failures = standing(run, COMPARE)
    calls = count_calls(run / COMPARE.calls)
    return LabelSummary(
        counts=counts,
        pending=counts.pending,
        comparisons=statuses.total(),
        statuses=dict(statuses.most_common()),
        identical=identical,
        votes=votes,
        rewarded=rewarded,
        sampled=dict(sampled.most_common()),
        calls=calls.number,
        judge=manifest.model,
        failures=dict(Counter(failure.kind for failure in failures)),
        last_failure=told(failures[-1]) if failures else "",
        filtered=dict(filtered),
        control_strings=(found := calls.control_strings + sum(failure.control_strings for failure in failures)),
        control_tokens=treatments(_models(run, manifest)) if found else (),
    )


def _models(run: Path, manifest: Manifest) -> "list[ModelSettings]":
    """Who wrote and judged the compared responses."""
    from constitution.config import CompareSettings
    from constitution.labelling_plan import base_settings, judge_of
    from constitution.stored_settings import stored_settings

    settings = stored_settings(CompareSettings, manifest.settings, run)
    base = base_settings(run, settings)
    roles = [settings.judge, *(settings.models or ((None,) if settings.pairs == "samples" else ()))]
    return [judge_of(base, settings.model_copy(update={"judge": role})) for role in roles]
