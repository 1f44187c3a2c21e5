"""Who is asked, and what is told of an answer."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from constitution.records import Comparison
from constitution.reviews import Review
from constitution.view.desk import KindName
from constitution.view.item import Item
from constitution.view.sides import button_of, side_a, told_by_ai, told_by_people


@dataclass(frozen=True)
class Asking:
    """What every review page knows.

    Attributes:
        root: What its addresses begin with.
        kind: What is reviewed.
        reviewer: Who reviews.
        again: Whether only what was skipped is asked.
    """

    root: str
    kind: KindName
    reviewer: str
    again: bool = False

    def address(self, item: str = "", after: str = "") -> str:
        """Of an item; without one, of the next that is not answered. `after` is told what the AI said of."""
        given = {"reviewer": self.reviewer, "item": item, "after": after, "again": "1" if self.again else ""}
        return f"{self.root}/review/{self.kind}?{urlencode({name: value for name, value in given.items() if value})}"

    @property
    def start(self) -> str:
        """The address of the start page."""
        return f"{self.root}/review?{urlencode({'reviewer': self.reviewer})}"

    @property
    def skipped(self) -> "Asking":
        """The same, about what was skipped."""
        return replace(self, again=True)

    @property
    def everything(self) -> "Asking":
        """The same, about all that is not answered."""
        return replace(self, again=False)


@dataclass(frozen=True)
class Told:
    """What is told of an answered item, on its page and on the next one.

    Attributes:
        said: The reviewer's answer.
        ai: The AI's label of a comparison, in the reviewer's letters; empty if it is not to be known yet.
        people: What the input says that people preferred; empty if it does not.
        sources: Which response was what.
        note: The reviewer's.
        text: The reviewer's edit of a revision.
    """

    said: str
    ai: str = ""
    people: str = ""
    sources: str = ""
    note: str = ""
    text: str | None = None


def said(review: Review | None) -> Told:
    """What a reviewer has said, and nothing that they may not know yet."""
    if review is None:
        return Told(said="nothing")
    return Told(said=button_of(review), note=review.note, text=review.text)


def told(item: Item, review: Review) -> Told:
    """The AI's side of an item too, which stays hidden until it is answered; skipping is no answer."""
    record, plain = item.record, said(review)
    if not isinstance(record, Comparison) or review.verdict == "skip":
        return plain
    as_a = side_a(review.reviewer, record.id)
    a, b = (record.first, record.second) if as_a == "first" else (record.second, record.first)
    return replace(
        plain,
        ai=told_by_ai(record, as_a),
        people=told_by_people(record, as_a),
        sources=f"A was {a.source}, B was {b.source}",
    )
