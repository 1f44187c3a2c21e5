"""What people decide together, from each reviewer's last word: the one place that says what a majority is.

Of a comparison: the response that more of them prefer, unless at least half of them prefer neither. Its share counts
who prefers neither as half for each, as a tie counts in a win rate. Of a revision: what most say, to keep it (accepted
or edited) or not. Where they are divided there is no decision.
"""

from collections import Counter
from collections.abc import Iterable

from pydantic import JsonValue

from constitution.records import Record
from constitution.reviews import Review

DIVIDED = "people are divided"
REJECTED = "rejected by people"


class Ruling(Record):
    """What people decided together.

    Attributes:
        reviewers: How many answered.
        why_not: Why nothing is exported by it; empty if something is.
        first: Of a comparison: whether its first response is the better one.
        share: Of a comparison: how many prefer the better response, who prefers neither counted half; above 0.5, to 1.
        text: Of a revision: what it should be, where somebody edited it; the last edit counts. Blank with a `why_not`:
            until nothing was left.
    """

    reviewers: int
    why_not: str = ""
    first: bool = True
    share: float = 1.0
    text: str | None = None

    @property
    def edited(self) -> bool:
        """Whether people keep it, in other words than the model's."""
        return self.text is not None

    @property
    def origin(self) -> dict[str, JsonValue]:
        """What an exported row says of it: how many they were, not who."""
        return {
            "labelled_by": "people",
            "reviewers": self.reviewers,
            **({"edited": True} if self.edited else {}),
        }


def rule_comparison(last: Iterable[Review]) -> Ruling | None:
    """What people decided of a comparison; None if nobody answered.

    Args:
        last: What each of them last said of it, skips too.
    """
    said = Counter(one.verdict for one in last if one.verdict != "skip")
    number, neither = said.total(), said["tie"] + said["both bad"]
    if not number:
        return None
    if 2 * neither > number:
        why_not = "both bad, to people" if 2 * said["both bad"] > neither else "a tie, to people"
        return Ruling(reviewers=number, why_not=why_not)
    if 2 * neither == number or said["first"] == said["second"]:
        return Ruling(reviewers=number, why_not=DIVIDED)
    most = max(said["first"], said["second"])
    return Ruling(reviewers=number, first=said["first"] == most, share=(most + neither / 2) / number)


def rule_revision(last: Iterable[Review], text: str) -> Ruling | None:
    """What people decided of a revision; None if nobody answered.

    Args:
        last: What each of them last said of it, skips too, in the order in which they said it.
        text: The revision.
    """
    said = [one for one in last if one.verdict != "skip"]
    if not said:
        return None
    against = sum(one.verdict == "reject" for one in said)
    if 2 * against >= len(said):
        return Ruling(reviewers=len(said), why_not=DIVIDED if 2 * against == len(said) else REJECTED)
    edits = [one.text for one in said if one.verdict == "edit" and one.text is not None]
    if edits and not edits[-1].strip():
        return Ruling(reviewers=len(said), why_not="edited by people until nothing was left", text=edits[-1])
    # An edit that changed nothing accepts.
    return Ruling(reviewers=len(said), text=edits[-1] if edits and edits[-1] != text else None)
