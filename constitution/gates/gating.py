"""A set of gates, with what has to be known of the whole run first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from constitution.gates.boilerplate import Frequencies
from constitution.gates.seen import Finding, Seen, question
from constitution.gates.sets import NONE, GateSet
from constitution.gates.table import GATES
from constitution.manifest import COMPARE, REVISE, has_stage
from constitution.records import Transcript
from constitution.store import comparisons, transcripts


@dataclass(frozen=True)
class Gating:
    """A set that can be asked.

    Attributes:
        set: Which gates, and from which score on each flags.
        frequencies: What the run's responses have in common.
    """

    set: GateSet = NONE
    frequencies: Frequencies = field(default_factory=Frequencies)

    def flags(self, seen: Seen) -> Iterator[tuple[str, Finding]]:
        """The gates that flag a response, in the table's order, with what they found."""
        for name, threshold in self.set.thresholds.items():
            found = GATES[name].score(seen, self.frequencies)
            if found is not None and found.score >= threshold:
                yield name, found

    def first(self, seen: Seen) -> str | None:
        """The first gate that flags it; None if none does. The others are not asked."""
        return next((name for name, _ in self.flags(seen)), None)


def prepare(run: Path, asked: GateSet) -> Gating:
    """Look at a run once for what a set has to know of the whole.

    Of a run with transcripts these are its revisions, of another one the responses that were compared. Memory does not
    grow with the run.
    """
    if "boilerplate" not in asked.thresholds:
        return Gating(asked)
    return Gating(asked, look(run))


def see_row(frequencies: Frequencies, transcript: Transcript) -> None:
    """Take note of what a row's revisions say."""
    frequencies.see(question(transcript.prompt), (response.text for response in transcript.responses[1:]))


def look(run: Path) -> Frequencies:
    """What the responses of a run have in common."""
    frequencies = Frequencies()
    if has_stage(run, REVISE):
        for transcript in transcripts(run):
            see_row(frequencies, transcript)
        return frequencies
    pairs = comparisons(run) if has_stage(run, COMPARE) else iter(())
    for _, group in groupby(pairs, lambda pair: pair.row):
        found = list(group)
        texts = {side.text for pair in found for side in (pair.first, pair.second)}
        frequencies.see(question(found[0].prompt), texts)
    return frequencies
