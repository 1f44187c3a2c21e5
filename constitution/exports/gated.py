"""Which responses gates leave out of an export (`--gates`): demonstrations, and responses that pairs choose.

Prompts, chains, scored responses and rejected responses pass no gate. Nor does what people accepted or edited: their
word counts more than a heuristic.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from constitution.digests import digest
from constitution.fingerprints import Fingerprints
from constitution.gates.gain import Gains
from constitution.gates.gating import Gating
from constitution.gates.seen import Seen, revision_number, seen_of, seen_side
from constitution.manifest import REVISE, has_stage
from constitution.records import Candidate, Comparison, Completion, Record, Transcript
from constitution.store import transcripts


@dataclass(frozen=True)
class Verdicts:
    """What gates said so far: an export reads its pairs several times, and asks about each response once.

    Attributes:
        gating: The set.
        passed: Hashes of the responses that no gate flags.
        caught: The first gate that flags each of the others.
    """

    gating: Gating = field(default_factory=Gating)
    passed: Fingerprints = field(default_factory=Fingerprints)
    caught: dict[int, str] = field(default_factory=dict)

    def of(self, response: list[str], seen: Callable[[], Seen]) -> str:
        """The first gate that flags a response; empty if none does.

        Args:
            response: What tells it from all others of the run.
            seen: Makes what gates look at.
        """
        if not self.gating.set.thresholds:
            return ""
        key = int(digest(response), 16)
        if key in self.passed:
            return ""
        if key not in self.caught:
            gate = self.gating.first(seen())
            if gate is None:
                self.passed.add(key)
                return ""
            self.caught[key] = gate
        return self.caught[key]


class Gates:
    """Asks about a run's responses, which come in the order of the input.

    Args:
        run: A run's folder.
        verdicts: What was said so far.
    """

    def __init__(self, run: Path, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        asked = verdicts.gating.set.thresholds
        self._gains = Gains(run) if "no_gain" in asked else None
        self._rows = transcripts(run) if asked and has_stage(run, REVISE) else iter(())
        self._row: Transcript | None = None

    def of(self, transcript: Transcript, number: int) -> str:
        """Why a transcript's response after so many rounds is left out; empty if it is not."""

        def seen() -> Seen:
            return seen_of(transcript, number, self._gains.of(transcript)[number] if self._gains else None)

        return _why(self._verdicts.of([transcript.id, str(number), transcript.responses[number].text], seen))

    def of_sampled(self, transcript: Transcript, number: int, sampled: Completion) -> str:
        """Likewise of one of the revisions that were sampled for a round; `no_gain` is not asked."""

        def seen() -> Seen:
            return replace(seen_of(transcript, number), text=sampled.text, finish_reason=sampled.finish_reason)

        return _why(self._verdicts.of(["sampled", transcript.id, str(number), sampled.text], seen))

    def of_side(self, comparison: Comparison, side: Candidate) -> str:
        """Likewise of a response that was compared: a revision is held against the response that it revises.

        `no_gain` is not asked: which one is better, the comparison itself says.
        """
        while self._row is None or self._row.index < comparison.index:
            if (row := next(self._rows, None)) is None:
                break
            self._row = row
        own, number = self._row, revision_number(side.source)
        known = own is not None and (own.index, own.id) == (comparison.index, comparison.row)
        responses = own.responses if own and known else ()
        if own and number is not None and number < len(responses) and responses[number].text == side.text:
            return self.of_sampled(own, number, responses[number])
        key = [comparison.row, side.source, side.text]
        return _why(self._verdicts.of(key, lambda: seen_side(comparison, side)))


class LeftOut(Record):
    """What a set of gates would leave out of an export.

    Attributes:
        set: Its name.
        demonstrations: Of `of_demonstrations` final revisions.
        pairs: Of `of_pairs` pairs.
    """

    set: str
    demonstrations: int
    of_demonstrations: int
    pairs: int
    of_pairs: int


def _why(gate: str) -> str:
    return f"gate {gate}" if gate else ""
