"""Whose judgement an export goes by (`--labels`): the AI's, people's, or people's where there is any.

People's judgement of a comparison is the response that most of those prefer who prefer one; its probability is their
share. Of a revision it is what most say: to keep it (accepted or edited) or not. Where they are divided, and where
nobody prefers a response, there is none, and the AI's does not take its place.

What people did not see bears no label of theirs: prompts, chains, and the rewards of scored responses.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from constitution.errors import ExportError, command
from constitution.exports.examples import Demonstration, Kind, Preference, Rating
from constitution.exports.options import Options
from constitution.journal import has_records
from constitution.records import Comparison, Record, Transcript
from constitution.reviewed import Answers
from constitution.reviews import FILE, Review, reviews

# What reviews are about.
LABELLED = {Demonstration, Preference, Rating}


class Ruling(Record):
    """What people decided together.

    Attributes:
        reviewers: How many answered.
        why_not: Why nothing is exported by it; empty if something is.
        first: Of a comparison: whether its first response is the better one.
        share: Of a comparison: of those who prefer a response, how many prefer the better one, from 0.5 to 1.
        text: Of a revision: what it should be, where somebody edited it; the last edit counts.
    """

    reviewers: int
    why_not: str = ""
    first: bool = True
    share: float = 1.0
    text: str | None = None

    @property
    def origin(self) -> dict[str, JsonValue]:
        """What an exported row says of it: how many they were, not who."""
        return {
            "labelled_by": "people",
            "reviewers": self.reviewers,
            **({"edited": True} if self.text is not None else {}),
        }


class People:
    """The reviews of a run, as far as an export goes by them.

    Args:
        run: A run's folder.
        options: Whose judgement counts.

    Attributes:
        alone: Whether only what people judged is exported.
    """

    def __init__(self, run: Path, options: Options) -> None:
        self.alone = options.labels == "human"
        self._answers = Answers(reviews(run) if options.labels != "ai" else ())

    def of_comparison(self, comparison: Comparison) -> Ruling | None:
        """Their ruling; None if nobody answered, or if nobody is to be heard."""
        said = _answered(self._answers.of_comparison(comparison))
        if not said:
            return None
        first = sum(one.verdict == "first" for one in said)
        second = sum(one.verdict == "second" for one in said)
        bad = sum(one.verdict == "both bad" for one in said)
        if not first and not second:
            why_not = "both bad, to people" if 2 * bad > len(said) else "a tie, to people"
            return Ruling(reviewers=len(said), why_not=why_not)
        if first == second:
            return Ruling(reviewers=len(said), why_not="people are divided")
        return Ruling(reviewers=len(said), first=first > second, share=max(first, second) / (first + second))

    def of_revision(self, transcript: Transcript, text: str) -> Ruling | None:
        """Likewise, of the revisions of a row that are this text."""
        said = _answered(self._answers.of_text(transcript, text))
        if not said:
            return None
        against = sum(one.verdict == "reject" for one in said)
        if 2 * against >= len(said):
            why_not = "people are divided" if 2 * against == len(said) else "rejected by people"
            return Ruling(reviewers=len(said), why_not=why_not)
        edits = [one.text for one in said if one.verdict == "edit" and one.text is not None]
        if edits and not edits[-1].strip():
            return Ruling(reviewers=len(said), why_not="edited by people until nothing was left")
        # An edit that changed nothing accepts.
        return Ruling(reviewers=len(said), text=edits[-1] if edits and edits[-1] != text else None)

    def left_out(self, ruling: Ruling | None) -> str | None:
        """Why something is left out by what people said of it, or did not say; None if it is not."""
        if ruling is None:
            return "not reviewed" if self.alone else None
        return ruling.why_not or None

    def as_written(self, ruling: Ruling | None) -> bool:
        """Whether a response is exported with the words that the model wrote."""
        return self.left_out(ruling) is None and (ruling is None or ruling.text is None)


def _answered(said: tuple[Review, ...]) -> list[Review]:
    return [one for one in said if one.verdict != "skip"]


def check_labels(run: Path, kinds: Mapping[str, Kind], options: Options) -> None:
    """Refuse people's labels where there are none, or where nothing asked for bears any.

    Raises:
        ExportError: With what to do.
    """
    if options.labels == "ai":
        return
    if not any(kind.example in LABELLED for kind in kinds.values()):
        raise ExportError(
            f"--labels {options.labels}: no demonstrations and no pairs in {', '.join(kinds)}, and it is for these",
            "Leave it out, or choose other kinds of row.",
        )
    if options.labels == "human" and not has_records(run / FILE):
        raise ExportError(f"--labels human: {run} has no reviews", f"Review it first: {command('view', run)}")


def label_notes(run: Path, kinds: Mapping[str, Kind], options: Options) -> list[str]:
    """What `--labels` means here, where that may not be what was meant.

    Args:
        run: A run's folder.
        kinds: What is exported.
        options: How.
    """
    labelled = any(kind.example in LABELLED for kind in kinds.values())
    others = [name for name, kind in kinds.items() if kind.example not in LABELLED]
    if options.labels != "ai":
        told = [f"{', '.join(others)}: all of them; --labels is not for them"] if others else []
        return [*told, *(["no reviews: every label is the AI's"] if not has_records(run / FILE) else [])]
    path = run / FILE
    # Not read: what does not count cannot be in the way either.
    if labelled and path.is_file() and path.stat().st_size:
        return ["the run has people's reviews, which do not count here; go by them with --labels human, or both"]
    return []
