"""What a review page asks about."""

from dataclasses import dataclass

from constitution.records import Comparison, Transcript
from constitution.reviews import Review


@dataclass(frozen=True)
class Item:
    """What a page asks about.

    Attributes:
        key: As addresses name it.
        place: Which one of all it is, from 1.
        record: The comparison or the transcript.
        shown: Hash of its texts.
        standing: What the reviewer has answered; None if nothing, or only about other texts.
        outdated: Whether there is an answer about other texts.
        told: Whether the reviewer has been told the AI's label.
        name: Of the answer, as `answers.name_of` names it.
        back: The item that the reviewer answered before.
    """

    key: str
    place: int
    record: Comparison | Transcript
    shown: str
    standing: Review | None
    outdated: bool
    told: bool
    name: str
    back: str | None
