"""A run in numbers, from its stored records."""

from collections import Counter
from pathlib import Path

from constitution.journal import read_records
from constitution.manifest import load_manifest
from constitution.records import Call, Counts, Failure, Filtered, Record
from constitution.store import count, transcripts


class Summary(Record):
    """A run in numbers; lengths are in tokens.

    Attributes:
        counts: Where the rows are.
        pending: Rows still owed.
        calls: Journalled model calls, those of unfinished rows included.
        model: The model's name.
        failures: Failed rows by kind of error.
        filtered: Filtered rows by reason.
        completion_tokens: Sampled for the finished rows.
        prompt_tokens: Read for the finished rows.
        cut: Answers that ended at `max_tokens`, critiques included.
        unchanged: Rows whose final revision is the initial response, word for word.
        principles: How often each was drawn.
    """

    counts: Counts
    pending: int
    calls: int
    model: str
    failures: dict[str, int]
    filtered: dict[str, int]
    completion_tokens: int
    prompt_tokens: int
    cut: int
    unchanged: int
    principles: dict[str, int]


def summarise(run: Path) -> Summary:
    """Read a run's folder.

    Raises:
        RunError: It is not a run.
    """
    counts = count(run)
    manifest = load_manifest(run)
    sampled = read = cut = unchanged = 0
    drawn: Counter[str] = Counter()
    done: set[str] = set()
    for transcript in transcripts(run):
        done.add(transcript.id)
        for completion in transcript.completions:
            sampled += completion.completion_tokens
            read += completion.prompt_tokens
            cut += completion.finish_reason == "length"
        unchanged += transcript.responses[0].text == transcript.responses[-1].text
        drawn.update(round.principle for round in transcript.rounds)
    filtered = {record.id: record.reason for record in read_records(run / "filtered.jsonl", Filtered)}
    # A row may have failed on several starts, or failed and then succeeded: its last failure counts, or none.
    failed = {record.id: record.kind for record in read_records(run / "failures.jsonl", Failure)}
    failures = Counter(kind for id, kind in failed.items() if id not in done and id not in filtered)
    return Summary(
        counts=counts,
        pending=counts.pending,
        calls=sum(1 for _ in read_records(run / "calls.jsonl", Call)),
        model=manifest.model,
        failures=dict(failures),
        filtered=dict(Counter(filtered.values())),
        completion_tokens=sampled,
        prompt_tokens=read,
        cut=cut,
        unchanged=unchanged,
        principles=dict(drawn.most_common()),
    )


def write_summary(run: Path) -> None:
    """Write `summary.json` into a run's folder; there whole or not at all."""
    aside = run / "summary.tmp"
    aside.write_text(summarise(run).model_dump_json(indent=2) + "\n", encoding="utf-8")
    aside.replace(run / "summary.json")
