"""What each reviewer has said so far."""

from collections.abc import Mapping
from pathlib import Path

from constitution.digests import digest
from constitution.journal import Line, parse
from constitution.reviewed import LastWords
from constitution.reviews import FILE, Review
from constitution.view.following import Following
from constitution.view.queue import key_of


class Answers:
    """The last words of a run's reviewers, by the keys of pages; other processes may add some.

    Args:
        run: The run's folder.
    """

    def __init__(self, run: Path) -> None:
        self._journal = Following(run / FILE, self._forget)
        self._forget()

    def refresh(self) -> None:
        """Take in what was added.

        Raises:
            RunError: The journal is damaged.
        """
        self._journal.look(self._take)

    def keys(self, reviewer: str) -> Mapping[str, str]:
        """The keys of what they said something of, whatever the texts, the last one given last; each with its id."""
        return self._ids.get(reviewer, {})

    def on(self, reviewer: str, key: str, shown: str) -> Review | None:
        """Their last word on these texts; None if there is none."""
        name = self.keys(reviewer).get(key)
        return None if name is None else self._words.by(reviewer, name, shown)

    def told(self, reviewer: str, key: str, shown: str) -> bool:
        """Whether they have answered about these texts before, which is when the AI's label is told."""
        return (reviewer, key, shown) in self._told

    def _take(self, line: Line) -> None:
        review = parse(self._journal.path, line, Review)
        self._words.add(review)
        theirs, key = self._ids.setdefault(review.reviewer, {}), key_of(review.id)
        # What was answered anew is the last one again.
        theirs.pop(key, None)
        theirs[key] = review.id
        if review.verdict != "skip":
            self._told.add((review.reviewer, key, review.shown))

    def _forget(self) -> None:
        self._words = LastWords()
        self._ids: dict[str, dict[str, str]] = {}
        # Whom the label of which texts was told: (reviewer, key, hash of the texts).
        self._told: set[tuple[str, str, str]] = set()


def name_of(review: Review | None) -> str:
    """A short name of an answer, by which a form tells which one it was made beside; empty for none."""
    return "" if review is None else digest(review.model_dump(mode="json"))
