"""What is compared: a run's prompts, its revisions, or the pairs of a file."""

from collections.abc import Iterator
from pathlib import Path

from constitution.config import CompareSettings, Settings
from constitution.errors import ConfigError
from constitution.manifest import load_manifest
from constitution.pair_files import PairRow, read_pairs, scan_pairs
from constitution.records import Candidate, Prompt, Transcript
from constitution.store import transcripts


def scan_rows(folder: Path, settings: CompareSettings, base: Settings) -> tuple[int, str | None]:
    """How many rows there are; a hash of their whole file if they come from one, which may change."""
    if settings.file is not None:
        rows, content = scan_pairs(settings.file)
        return min(rows, settings.limit or rows), content
    return sum(1 for _ in _transcripts(folder, settings, base)), None


def rows_to_compare(folder: Path, settings: CompareSettings, base: Settings) -> Iterator[PairRow]:
    """The rows of a comparison in order; without responses where they are yet to be sampled.

    Args:
        folder: The run's.
        settings: What is compared.
        base: The run's own settings.
    """
    if settings.file is not None:
        yield from read_pairs(settings.file, settings.limit)
        return
    model = load_manifest(folder).model
    for transcript in _transcripts(folder, settings, base):
        prompt = Prompt(
            id=transcript.id, index=transcript.index, messages=transcript.prompt, metadata=transcript.metadata
        )
        candidates = _revisions(transcript, settings.between, model) if settings.pairs == "revisions" else ()
        yield PairRow(prompt, candidates, None)


def _transcripts(folder: Path, settings: CompareSettings, base: Settings) -> Iterator[Transcript]:
    """The finished rows among the first `limit` of the input: the same rows, however many others are finished later."""
    for transcript in transcripts(folder):
        if settings.limit is None or transcript.index < base.skip + settings.limit:
            yield transcript


def _revisions(transcript: Transcript, between: str, model: str) -> tuple[Candidate, ...]:
    sources = ["response", *(f"revision-{number}" for number in range(1, len(transcript.responses)))]
    return tuple(
        Candidate(
            text=transcript.responses[number].text,
            source=sources[number],
            model=model,
            finish_reason=transcript.responses[number].finish_reason,
        )
        for number in span(between, len(transcript.rounds))
    )


def span(between: str, rounds: int) -> list[int]:
    """The responses that `between` names; 0 is the initial one.

    Raises:
        ConfigError: The run has no such round, or both are the same.
    """
    if between == "all":
        return list(range(rounds + 1))
    numbers = [rounds if end == "last" else int(end) for end in between.split(":")]
    if max(numbers) > rounds or numbers[0] == numbers[1]:
        raise ConfigError(
            f"--between {between}: two different revisions from 0 (the initial response) to {rounds} are wanted",
            "Example: --between 0:last",
        )
    return numbers
