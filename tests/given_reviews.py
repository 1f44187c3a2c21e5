"""Reviews of stored records, given as the review pages give them."""

from pathlib import Path
from typing import Any, Literal

from constitution.records import Comparison, Transcript
from constitution.reviews import (
    Review,
    Verdict,
    add_review,
    revision_id,
    shown_of_comparison,
    shown_of_revision,
)


def on_comparison(
    run: Path,
    comparison: Comparison,
    reviewer: str,
    verdict: Verdict,
    as_a: Literal["first", "second"] = "first",
    **more: Any,
) -> None:
    """What somebody says of a comparison."""
    given = Review(
        id=comparison.id,
        row=comparison.row,
        index=comparison.index,
        shown=shown_of_comparison(comparison),
        reviewer=reviewer,
        at="2026-01-02T03:04:05Z",
        verdict=verdict,
        as_a=as_a,
    )
    add_review(run, given.model_copy(update=more))


def on_revision(run: Path, transcript: Transcript, number: int, reviewer: str, verdict: Verdict, **more: Any) -> None:
    """What somebody says of a revision."""
    given = Review(
        id=revision_id(transcript.id, number),
        row=transcript.id,
        index=transcript.index,
        shown=shown_of_revision(transcript, number),
        reviewer=reviewer,
        at="2026-01-02T03:04:05Z",
        verdict=verdict,
    )
    add_review(run, given.model_copy(update=more))
