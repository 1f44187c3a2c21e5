"""Whether a judge finds a revision better than the initial response."""

import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from constitution.gates.seen import Finding, Seen, revision_number
from constitution.manifest import COMPARE, SCORE, has_stage
from constitution.records import Comparison, Transcript
from constitution.score_records import Scores
from constitution.store import comparisons, scores


def no_gain(seen: Seen) -> Finding | None:
    """Probability under the judge that the revision is no better than the initial response; a half: it does not care.

    By the comparison of the two where there is one that both orders agree about, else by their rewards, as a preference
    model would have it: one over one plus e to the gain (Bradley-Terry).
    """
    if seen.gain is None:
        return None
    return Finding(1 - seen.gain, f"better than the initial response with probability {seen.gain:.3f}")


class Gains:
    """What judges say of a run's revisions, read along with its transcripts, which come in the order of the input.

    Args:
        run: A run's folder; without comparisons or scores, nothing is found.
    """

    def __init__(self, run: Path) -> None:
        pairs = comparisons(run) if has_stage(run, COMPARE) else iter(())
        self._compared: Iterator[list[Comparison]] = (list(group) for _, group in groupby(pairs, lambda one: one.index))
        self._scored = scores(run) if has_stage(run, SCORE) else iter(())
        self._pairs = next(self._compared, None)
        self._scores = next(self._scored, None)

    def of(self, transcript: Transcript) -> tuple[float | None, ...]:
        """For each of its responses the probability that it is better than the initial one; None if nobody judged.

        Each call asks about a later row than the one before.
        """
        while self._pairs and self._pairs[0].index < transcript.index:
            self._pairs = next(self._compared, None)
        while self._scores and self._scores.index < transcript.index:
            self._scores = next(self._scored, None)
        found: list[float | None] = [None] * len(transcript.responses)
        if self._scores and (self._scores.index, self._scores.id) == (transcript.index, transcript.id):
            found = _by_reward(transcript, self._scores)
        # Pairs of a file have positions of their own.
        if self._pairs and (self._pairs[0].index, self._pairs[0].row) == (transcript.index, transcript.id):
            _by_comparison(transcript, self._pairs, found)
        return (None, *found[1:])


def _by_reward(transcript: Transcript, row: Scores) -> list[float | None]:
    # By their text: what a source is called tells nothing of a sample that was made anew.
    rewards = {one.text: one.reward for one in row.responses}
    before = rewards.get(transcript.response.text)
    found: list[float | None] = []
    for response in transcript.responses:
        after = rewards.get(response.text)
        found.append(None if before is None or after is None else _sigmoid(after - before))
    return found


def _by_comparison(transcript: Transcript, pairs: list[Comparison], found: list[float | None]) -> None:
    texts = [response.text for response in transcript.responses]
    for pair in pairs:
        if pair.p is None or pair.status not in ("labelled", "tie"):
            continue
        for side, other, p in ((pair.first, pair.second, pair.p), (pair.second, pair.first, 1 - pair.p)):
            number = revision_number(side.source)
            if number is None or other.source != "response" or other.text != texts[0]:
                continue
            if number < len(texts) and side.text == texts[number]:
                found[number] = p


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
