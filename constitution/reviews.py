"""What people say of a run's comparisons and revisions: a journal of its own, never over the AI's label."""

import errno
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from constitution.digests import digest
from constitution.errors import ConfigError, RunError, Unwritable, unwritable
from constitution.journal import Journal, read_records
from constitution.records import Comparison, Record, Transcript
from constitution.run_folder import REVIEWS, check_entry

FILE, LOCK = REVIEWS, ".reviews.lock"
# Of a comparison the first five, of a revision `skip` and the last three.
Verdict = Literal["first", "second", "tie", "both bad", "skip", "accept", "reject", "edit"]
LONGEST_NAME = 64
# Seconds that one writer waits for another, who never needs as long.
PATIENCE = 5.0
_UNKEPT = "What was kept before is there still: see that there is room and that you may write it, then answer again."


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
        told: Whether the reviewer knew the AI's label of it by then, as it is told after the first answer: this one is
            not blind.
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
    told: bool = False


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
    """Append one; on the disk when this returns. Several processes may do so.

    Raises:
        RunError: It cannot be written.
    """
    with writing(run):
        append(run, review)


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """The right to append to a run's reviews; nobody else does meanwhile, so what was read stays all there is.

    Raises:
        RunError: There is no such right to be had, or somebody else holds it for too long.
    """
    path = run / LOCK
    check_entry(path)
    lock = FileLock(path, timeout=PATIENCE, poll_interval=0.01)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{path}: another process has held it for {PATIENCE:g} seconds: nothing was saved",
            "Answer again; if that does not help, look for another `constitution view` of this run that has stopped.",
        ) from None
    except OSError as bad:
        raise _unkept(path, bad) from None
    try:
        yield
    finally:
        lock.release()


def append(run: Path, review: Review) -> None:
    """Append one, within `writing`; on the disk when this returns.

    Raises:
        RunError: It cannot be written.
    """
    try:
        journal = Journal(run / FILE)
        try:
            journal.append(review)
        finally:
            journal.close()
    except Unwritable as bad:
        raise Unwritable(bad.message, _UNKEPT) from None


def check_writable(run: Path) -> None:
    """See whether reviews can be kept, as far as that shows before one is given.

    Raises:
        RunError: They cannot.
    """
    for path in (run / LOCK, run / FILE):
        check_entry(path)
        if not os.access(path if path.exists() else run, os.W_OK):
            raise _unkept(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _unkept(path: Path, bad: OSError) -> Unwritable:
    return Unwritable(unwritable(path, bad).message, _UNKEPT)
