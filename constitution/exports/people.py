"""Whose judgement an export goes by (`--labels`): the AI's, people's, or people's where there is any.

What people decide together is in `rulings.py`. Where they are divided, and where at least half of them prefer neither
response, they decide nothing, and the AI's judgement does not take its place.

What people did not see bears no label of theirs: prompts, chains, and the rewards of scored responses.
"""

from collections.abc import Mapping
from pathlib import Path

from constitution.errors import ExportError, command
from constitution.exports.examples import LABELLED, Kind
from constitution.exports.options import Options
from constitution.exports.picks import response_key
from constitution.journal import has_records
from constitution.records import Comparison, Transcript
from constitution.reviewed import LastWords
from constitution.reviews import FILE, reviews
from constitution.rulings import REJECTED, Ruling, rule_comparison, rule_revision
from constitution.store import transcripts_at


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
        self._run = run
        self._words = LastWords(reviews(run) if options.labels != "ai" else ())

    def of_comparison(self, comparison: Comparison) -> Ruling | None:
        """Their ruling; None if nobody answered, or if nobody is to be heard."""
        return rule_comparison(self._words.of_comparison(comparison))

    def of_revision(self, transcript: Transcript, text: str) -> Ruling | None:
        """Likewise, of the revisions of a row that are this text."""
        return rule_revision(self._words.of_text(transcript, text), text)

    def refused(self) -> dict[str, str]:
        """Revisions that people would not have as the model wrote them, by `response_key`: what they did with each.

        Such a response is in no demonstration, so no pair may choose it either, whoever judged the pair.
        """
        found: dict[str, str] = {}
        positions = self._words.positions
        for transcript in transcripts_at(self._run, positions).values() if positions else ():
            for text in {response.text: None for response in transcript.responses[1:]}:
                ruling = self.of_revision(transcript, text)
                if ruling and (ruling.why_not == REJECTED or ruling.edited):
                    found[response_key(transcript.prompt, text)] = "edited by people" if ruling.edited else REJECTED
        return found

    def left_out(self, ruling: Ruling | None) -> str | None:
        """Why something is left out by what people said of it, or did not say; None if it is not."""
        if ruling is None:
            return "not reviewed" if self.alone else None
        return ruling.why_not or None


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
