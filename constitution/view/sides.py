"""Which response is A on a reviewer's page, and what an answer then says."""

from typing import Literal

from constitution.digests import derive_uniform
from constitution.records import Comparison
from constitution.reviews import Review, Verdict

Side = Literal["first", "second"]
# By the form's buttons, those of a side left out.
COMPARED: dict[str, Verdict] = {"tie": "tie", "both bad": "both bad", "skip": "skip"}
REVISED: dict[str, Verdict] = {"accept": "accept", "reject": "reject", "edit": "edit", "skip": "skip"}
BUTTONS = {"comparison": ("A", "B", *COMPARED), "revision": tuple(REVISED)}


def side_a(reviewer: str, comparison: str) -> Side:
    """Which response this reviewer sees as A: the same in each tab and after a restart, another for other reviewers."""
    return "first" if derive_uniform("shown as A", reviewer, comparison) < 0.5 else "second"


def verdict_of(button: str, as_a: Side) -> Verdict | None:
    """What a button of a comparison says, the order undone; None if there is no such button."""
    if button in ("A", "B"):
        return as_a if button == "A" else _other(as_a)
    return COMPARED.get(button)


def button_of(review: Review) -> str:
    """The button by which an answer was given."""
    if review.verdict in ("first", "second"):
        return "A" if review.verdict == review.as_a else "B"
    return review.verdict


def told_by_ai(comparison: Comparison, as_a: Side) -> str:
    """The AI's label, in the letters of a reviewer's page."""
    if comparison.p is None or comparison.status == "invalid":
        return "no readable verdict (invalid)"
    p = comparison.p if as_a == "first" else 1 - comparison.p
    if comparison.status == "tie" or p == 0.5:
        return f"neither, A with p = {p:.2f} ({comparison.status})"
    return f"A with p = {p:.2f} ({comparison.status})" if p > 0.5 else f"B with p = {1 - p:.2f} ({comparison.status})"


def told_by_people(comparison: Comparison, as_a: Side) -> str:
    """What people preferred, where the input says so, in the same letters; empty if it does not."""
    if comparison.gold is None:
        return ""
    return "A" if comparison.gold == as_a else "B"


def _other(side: Side) -> Side:
    return "second" if side == "first" else "first"
