"""What is compared: a run's prompts, its revisions, or the pairs of a file."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from constitution.config import CompareSettings, Settings
from constitution.errors import ConfigError
from constitution.pair_files import PairRow, read_pairs, scan_pairs
from constitution.records import Candidate, Prompt, Transcript
from constitution.store import count, transcripts


def scan_rows(folder: Path, settings: CompareSettings) -> tuple[int, str | None]:
    """How many rows there are; a hash of their content if they come from a file, which may change."""
    if settings.file is not None:
        return scan_pairs(settings.file, settings.limit)
    done = count(folder).done
    return min(done, settings.limit or done), None


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
    for transcript in islice(transcripts(folder), settings.limit):
        prompt = Prompt(
            id=transcript.id, index=transcript.index, messages=transcript.prompt, metadata=transcript.metadata
        )
        candidates = _revisions(transcript, settings.between, base.model) if settings.pairs == "revisions" else ()
        yield PairRow(prompt, candidates, None)


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
