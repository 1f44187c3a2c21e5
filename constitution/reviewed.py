"""What people say now of the comparisons and revisions that are there: each reviewer's last word on each text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    last = list(LastWords(reviews(run)).all())
    names = {one.reviewer for one in last if one.verdict != "skip"}
    return ReviewCounts(answers=sum(one.verdict != "skip" for one in last), reviewers=len(names)) if last else None


@dataclass(frozen=True)
class _Word:
    """A last word, and which review of all it is: that tells who spoke later."""

    place: int
    review: Review


class LastWords:
    """Each reviewer's last word on each text, by what it is about.

    A skip is a word too: it takes back what was said before. What was said of other texts says nothing, even if they
    bore the same id; when those texts come back (`compare --replace` with the old settings), so does what was said of
    them.

    Args:
        given: Reviews in the order in which they were given; only the last words are held.
    """

    def __init__(self, given: Iterable[Review] = ()) -> None:
        self._heard = 0
        # By id, then by the texts that were shown and the reviewer.
        self._words: dict[str, dict[tuple[str, str], _Word]] = {}
        for review in given:
            self.add(review)

    def add(self, review: Review) -> None:
        """Take in a review that was given after all others."""
        self._words.setdefault(review.id, {})[review.shown, review.reviewer] = _Word(self._heard, review)
        self._heard += 1

    def all(self) -> Iterator[Review]:
        """All of them, those of texts that are not there any more too."""
        return (word.review for words in self._words.values() for word in words.values())

    @property
    def positions(self) -> frozenset[int]:
        """Positions of the rows, in their input, that people were shown something of."""
        return frozenset(review.index for review in self.all())

    def by(self, reviewer: str, id: str, shown: str) -> Review | None:
        """What this reviewer last said of these texts."""
        word = self._words.get(id, {}).get((shown, reviewer))
        return word.review if word else None

    def of_comparison(self, comparison: Comparison) -> tuple[Review, ...]:
        """What each reviewer last said of it, skips too, in the order in which they said it."""
        return _in_order(self._about(comparison.id, lambda: shown_of_comparison(comparison)))

    def of_revision(self, transcript: Transcript, number: int) -> tuple[Review, ...]:
        """Likewise of a revision, numbered from 1."""
        return _in_order(self._of_revision(transcript, number))

    def of_text(self, transcript: Transcript, text: str) -> tuple[Review, ...]:
        """Likewise of all revisions of a row that are this text: a reviewer's last word on any of them counts."""
        words = [
            word
            for number, response in enumerate(transcript.responses)
            if number and response.text == text
            for word in self._of_revision(transcript, number)
        ]
        return _in_order({word.review.reviewer: word for word in sorted(words, key=lambda word: word.place)}.values())

    def _of_revision(self, transcript: Transcript, number: int) -> list[_Word]:
        return self._about(revision_id(transcript.id, number), lambda: shown_of_revision(transcript, number))

    def _about(self, id: str, hash_of_shown: Callable[[], str]) -> list[_Word]:
        words = self._words.get(id)
        if not words:
            # Most things nobody reviewed: their texts need no hash.
            return []
        shown = hash_of_shown()
        return [word for (of, _), word in words.items() if of == shown]


def _in_order(words: Iterable[_Word]) -> tuple[Review, ...]:
    return tuple(word.review for word in sorted(words, key=lambda word: word.place))
