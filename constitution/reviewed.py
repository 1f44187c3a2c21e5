"""What people say now of the comparisons and revisions that are there: each reviewer's last word on each text."""

from collections.abc import Iterable
from pathlib import Path

from constitution.records import Comparison, Record, Transcript
from constitution.reviews import Review, reviews, revision_id, shown_of_comparison, shown_of_revision


class ReviewCounts(Record):
    """How much people said of a run: answers that stand, skips left out, and how many people gave them."""

    answers: int
    reviewers: int


def count_reviews(run: Path) -> ReviewCounts | None:
    """Count a run's reviews, those of texts that are not there any more too; None if there are none.

    Raises:
        RunError: The journal is damaged.
    """
    last = {(one.id, one.shown, one.reviewer): one.verdict for one in reviews(run)}
    names = [reviewer for (_, _, reviewer), verdict in last.items() if verdict != "skip"]
    return ReviewCounts(answers=len(names), reviewers=len(set(names))) if last else None


class Answers:
    """Reviews by what they are about.

    Of what a reviewer said of one thing the last word counts, a skip too: it takes back what was said before. What was
    said of other texts says nothing, even if they bore the same id; when those texts come back (`compare --replace`
    with the old settings), so does what was said of them.

    Args:
        given: Reviews in the order in which they were given. All are held; what they are about is not.

    Attributes:
        positions: Of the rows, in their input, that people were shown something of.
        standing: How many last words there are, skips left out.
    """

    def __init__(self, given: Iterable[Review]) -> None:
        self._said = list(given)
        last = {(one.id, one.shown, one.reviewer): place for place, one in enumerate(self._said)}
        # By id: places in the journal, which tell who spoke later.
        self._places: dict[str, list[int]] = {}
        for place in sorted(last.values()):
            self._places.setdefault(self._said[place].id, []).append(place)
        self.positions = frozenset(one.index for one in self._said)
        self.standing = sum(self._said[place].verdict != "skip" for place in last.values())

    def of_comparison(self, comparison: Comparison) -> tuple[Review, ...]:
        """What each reviewer last said of it, skips too, in the order in which they said it."""
        places = self._places.get(comparison.id)
        if not places:
            return ()
        shown = shown_of_comparison(comparison)
        return tuple(self._said[place] for place in places if self._said[place].shown == shown)

    def of_revision(self, transcript: Transcript, number: int) -> tuple[Review, ...]:
        """Likewise of a revision, numbered from 1."""
        return tuple(self._said[place] for place in self._about(transcript, number))

    def of_text(self, transcript: Transcript, text: str) -> tuple[Review, ...]:
        """Likewise of all revisions of a row that are this text: a reviewer's last word on any of them counts."""
        places = [
            place
            for number, response in enumerate(transcript.responses)
            if number and response.text == text
            for place in self._about(transcript, number)
        ]
        last = {self._said[place].reviewer: place for place in sorted(places)}
        return tuple(self._said[place] for place in sorted(last.values()))

    def _about(self, transcript: Transcript, number: int) -> list[int]:
        places = self._places.get(revision_id(transcript.id, number))
        if not places:
            return []
        shown = shown_of_revision(transcript, number)
        return [place for place in places if self._said[place].shown == shown]
