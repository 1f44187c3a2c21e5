"""What people say of a run's comparisons and revisions: a journal of its own, never over the AI's label."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from filelock import FileLock

from constitution.digests import digest
from constitution.errors import ConfigError
from constitution.journal import Journal, read_records
from constitution.records import Comparison, Record, Transcript

FILE, LOCK = "reviews.jsonl", ".reviews.lock"
# Of a comparison the first five, of a revision `skip` and the last three.
Verdict = Literal["first", "second", "tie", "both bad", "skip", "accept", "reject", "edit"]
LONGEST_NAME = 64


class Review(Record):
    """One answer of one person; of several about one text, a reviewer's last one counts (`reviewed.py`).

    Attributes:
        id: The comparison's; of a revision what `revision_id` says.
        row: The row's id.
        index: Position of the row in its input, from 0.
        shown: Hash of the texts that were shown: of other texts that later bear the same id, it says nothing.
        reviewer: A name, as `check_reviewer` gives it.
        at: When, UTC, ISO 8601.
        verdict: `first` and `second` are the comparison's, whatever they were shown as.
        as_a: Of a comparison, which response was shown as A.
        note: What the reviewer wrote beside it.
        text: Of `edit`, the revision as it should be.
        seconds: From seeing it to answering; None if unknown.
    """

    id: str
    row: str
    index: int
    shown: str
    reviewer: str
    at: str
    verdict: Verdict
    as_a: Literal["first", "second"] | None = None
    note: str = ""
    text: str | None = None
    seconds: float | None = None


def check_reviewer(name: str) -> str:
    """The name as it is kept: composed (NFC), its white space single spaces.

    Raises:
        ConfigError: It is empty, longer than 64 characters, or holds what cannot be printed.
    """
    kept = " ".join(unicodedata.normalize("NFC", name).split())
    # Format characters too: a name that turns the direction of a line around, or that looks like another one.
    odd = next((character for character in kept if unicodedata.category(character)[0] == "C"), None)
    if odd is not None:
        raise ConfigError(f"reviewer {name!r}: {odd!r} cannot be printed", "For example: --reviewer ada")
    if not 0 < len(kept) <= LONGEST_NAME:
        raise ConfigError(
            f"reviewer {name!r}: a name has 1 to {LONGEST_NAME} characters", "For example: --reviewer ada"
        )
    return kept


def revision_id(row: str, number: int) -> str:
    """What a revision is called in reviews: the row's id and the response's, as comparisons call it."""
    return f"{row} revision-{number}"


def shown_of_comparison(comparison: Comparison) -> str:
    """Hash of what is shown of a comparison."""
    prompt = [message.model_dump() for message in comparison.prompt]
    return digest([prompt, comparison.first.text, comparison.second.text])


def shown_of_revision(transcript: Transcript, number: int) -> str:
    """Hash of what is shown of a revision: its prompt, the initial response and the one before it, and itself."""
    prompt = [message.model_dump() for message in transcript.prompt]
    return digest([prompt, *(transcript.responses[which].text for which in (0, number - 1, number))])


def reviews(run: Path) -> Iterator[Review]:
    """All reviews of a run, in the order in which they were given; none if there are none.

    Raises:
        RunError: The journal is damaged.
    """
    return read_records(run / FILE, Review)


def add_review(run: Path, review: Review) -> None:
    """Append one; on the disk when this returns. Several processes may do so, each for another reviewer.

    Raises:
        RunError: It cannot be written.
    """
    with FileLock(run / LOCK):
        journal = Journal(run / FILE)
        try:
            journal.append(review)
        finally:
            journal.close()
