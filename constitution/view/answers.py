"""What each reviewer has said so far."""

from pathlib import Path

from constitution.digests import digest
from constitution.journal import Line, parse
from constitution.reviews import FILE, Review
from constitution.view.following import Following
from constitution.view.queue import key_of


class Answers:
    """The standing answers of a run, by reviewer; other processes may add some.

    Args:
        run: The run's folder.
    """

    def __init__(self, run: Path) -> None:
        self._journal = Following(run / FILE, self._forget)
        self._by: dict[str, dict[str, Review]] = {}
        # Whom the label of which texts was told: (reviewer, key, hash of the texts).
        self._told: set[tuple[str, str, str]] = set()

    def refresh(self) -> None:
        """Take in what was added.

        Raises:
            RunError: The journal is damaged.
        """
        self._journal.look(self._take)

    def of(self, reviewer: str) -> dict[str, Review]:
        """Their standing answers by the item's key, the last one given last."""
        return self._by.get(reviewer, {})

    def told(self, reviewer: str, key: str, shown: str) -> bool:
        """Whether they have answered about these texts before, which is when the AI's label is told."""
        return (reviewer, key, shown) in self._told

    def _take(self, line: Line) -> None:
        review = parse(self._journal.path, line, Review)
        theirs, key = self._by.setdefault(review.reviewer, {}), key_of(review.id)
        # What was answered anew is the last one again.
        theirs.pop(key, None)
        theirs[key] = review
        if review.verdict != "skip":
            self._told.add((review.reviewer, key, review.shown))

    def _forget(self) -> None:
        self._by.clear()
        self._told.clear()


def name_of(review: Review | None) -> str:
    """A short name of an answer, by which a form tells which one it was made beside; empty for none."""
    return "" if review is None else digest(review.model_dump(mode="json"))
