"""A run's comparisons in numbers, from its stored records."""

from collections import Counter
from pathlib import Path

from constitution.journal import read_records
from constitution.manifest import COMPARE, load_manifest
from constitution.records import Call, Counts, Failure, Filtered, Record
from constitution.store import comparisons, count


class LabelSummary(Record):
    """A run's comparisons in numbers.

    Attributes:
        counts: Where the rows are; a row is a prompt with all its comparisons.
        pending: Rows still owed.
        comparisons: How many there are.
        statuses: Comparisons by status.
        identical: Comparisons of one text with itself, which nobody was asked about.
        votes: Votes of the judge, both orders counted.
        calls: Journalled model calls.
        judge: The feedback model's name.
        failures: Failed rows by kind of error.
        filtered: Filtered rows by reason.
    """

    counts: Counts
    pending: int
    comparisons: int
    statuses: dict[str, int]
    identical: int
    votes: int
    calls: int
    judge: str
    failures: dict[str, int]
    filtered: dict[str, int]


def summarise_labels(run: Path) -> LabelSummary:
    """Read a run's folder.

    Raises:
        RunError: It holds no comparisons.
    """
    manifest, counts = load_manifest(run, COMPARE), count(run, COMPARE)
    statuses: Counter[str] = Counter()
    votes, identical, done = 0, 0, set()
    for comparison in comparisons(run):
        statuses[comparison.status] += 1
        votes += len(comparison.votes)
        identical += not comparison.votes
        done.add(comparison.row)
    filtered = {record.id: record.reason for record in read_records(run / COMPARE.filtered, Filtered)}
    failed = {record.id: record.kind for record in read_records(run / COMPARE.failures, Failure)}
    failures = Counter(kind for id, kind in failed.items() if id not in done and id not in filtered)
    return LabelSummary(
        counts=counts,
        pending=counts.pending,
        comparisons=statuses.total(),
        statuses=dict(statuses.most_common()),
        identical=identical,
        votes=votes,
        calls=sum(1 for _ in read_records(run / COMPARE.calls, Call)),
        judge=manifest.model,
        failures=dict(failures),
        filtered=dict(Counter(filtered.values())),
    )
