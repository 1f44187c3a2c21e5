"""What an answer says: a form about an item made a review."""

from datetime import UTC, datetime

from constitution.records import Comparison
from constitution.reviews import Review, Verdict, revision_id
from constitution.view.forms import Answer, Refused, as_sent
from constitution.view.item import Item
from constitution.view.sides import REVISED, side_a, verdict_of

# Characters by which an edit may be longer than the revision.
MOST_ADDED = 100_000


class Unsaved(Exception):
    """An edited text would be lost with this answer.

    Args:
        given: The answer.
        text: The edit.
    """

    def __init__(self, given: Review, text: str) -> None:
        super().__init__()
        self.given = given
        self.text = text


def review_of(item: Item, reviewer: str, answer: Answer) -> Review:
    """What an answer says, checked.

    Raises:
        Refused: It cannot be kept.
        Unsaved: An edit would be lost.
    """
    record, text, longest = item.record, None, 0
    verdict: Verdict | None
    if isinstance(record, Comparison):
        name, row, as_a = record.id, record.row, side_a(reviewer, record.id)
        verdict = verdict_of(answer.answer, as_a)
    else:
        name, row, as_a = revision_id(record.id, len(record.rounds)), record.id, None
        verdict = REVISED.get(answer.answer)
        revision = record.responses[-1].text
        text, longest = _edited(revision, answer.text), len(revision) + MOST_ADDED
    if verdict is None:
        raise Refused(f"There is no such answer: {answer.answer!r}.")
    if verdict == "edit" and not (answer.text or "").strip():
        raise Refused("An edited revision cannot be empty. To refuse it, reject it.")
    if verdict == "edit" and text and len(text) > longest:
        raise Refused(f"This revision, edited, has at most {longest:,} characters; this one has {len(text):,}.", 413)
    if verdict == "edit" and text is None:
        # Nothing was changed.
        verdict = "accept"
    review = Review(
        id=name,
        row=row,
        index=record.index,
        shown=item.shown,
        reviewer=reviewer,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        verdict=verdict,
        as_a=as_a,
        note=answer.note,
        text=text if verdict == "edit" else None,
        seconds=answer.seconds,
        told=item.told,
    )
    kept = as_sent(item.standing.text or "") if item.standing else ""
    if verdict != "edit" and text is not None and as_sent(text) != kept and text.strip() and not answer.drop:
        raise Unsaved(review, text)
    return review


def _edited(revision: str, text: str | None) -> str | None:
    """The edit; None if it is the revision."""
    return None if text is not None and as_sent(text).strip() == as_sent(revision).strip() else text


def same(one: Review, other: Review) -> bool:
    """Whether two answers of one reviewer about one thing say the same."""
    return (one.verdict, one.note, one.text, one.shown) == (other.verdict, other.note, other.text, other.shown)
