"""The responses of a run by how many rounds of revision they went through."""

from collections.abc import Sequence
from typing import NamedTuple

from constitution.records import Comparison, Completion, Selection, Transcript
from constitution.report.change import Change
from constitution.report.coverage import place
from constitution.report.findings import Picked, RevisionNumbers
from constitution.report.findings.stance import stance
from constitution.report.observed import Observed, cluster_of
from constitution.report.scores import Bounds
from constitution.score_records import Scores


class Against(NamedTuple):
    """A comparison of a revision with the initial response.

    Attributes:
        number: The revision's, from 1.
        p: Probability that it is the better one.
    """

    number: int
    p: float


def against_initial(pair: Comparison) -> Against | None:
    """What a comparison says of a revision and the initial response, whichever is its first.

    None of other pairs, and of those without a label that can be read. A revision with the text of the initial response
    counts as a half, as it is stored: nobody was asked, and neither is better.
    """
    first, second = place(pair.first.source), place(pair.second.source)
    if pair.p is None or min(first, second) != 0 or first == second:
        return None
    return Against(first, pair.p) if first else Against(second, 1 - pair.p)


class _Seen:
    """What was seen of the responses of one number."""

    def __init__(self) -> None:
        self.beats, self.reward, self.tokens = Observed(), Observed(), Observed()
        self.change, self.change_in_all, self.unchanged = Observed(), Observed(), Observed()
        self.refusals, self.evasions, self.cut = Observed(), Observed(), Observed()


class ByRevision:
    """Collects numbers of responses; texts are not kept.

    Args:
        most_tokens: Longest answer that the run allows.
        rewards: Between which the run's rewards are.
    """

    def __init__(self, most_tokens: int, rewards: Bounds) -> None:
        self._most_tokens, self._rewards = most_tokens, rewards
        self._seen: list[_Seen] = []
        self._picked: Picked | None = None

    def see(self, row: Transcript, changed: Sequence[Change]) -> None:
        """Take note of a finished row, and of what each of its rounds changed."""
        prompt = cluster_of(row.prompt)
        self._observe(0, row.response, prompt)
        for number, (round, change) in enumerate(zip(row.rounds, changed, strict=True), 1):
            of = self._observe(number, round.revision, prompt)
            of.change.add(change.share, prompt)
            of.change_in_all.add(change.in_all, prompt)
            of.unchanged.add(change.unchanged, prompt)
            if round.selection:
                self._picked = _with(self._picked, round.selection)

    def see_pair(self, pair: Comparison) -> None:
        """Take note of a comparison; after the rows."""
        if (found := against_initial(pair)) and found.number < len(self._seen):
            self._seen[found.number].beats.add(found.p, cluster_of(pair.prompt))

    def see_scores(self, row: Scores) -> None:
        """Take note of a row's rewards; after the rows."""
        prompt = cluster_of(row.prompt)
        for response in row.responses:
            number = place(response.source)
            if response.reward is not None and 0 <= number < len(self._seen):
                self._seen[number].reward.add(response.reward, prompt)

    def numbers(self) -> tuple[RevisionNumbers, ...]:
        """Of each number of rounds."""
        return tuple(
            RevisionNumbers(
                number=number,
                rows=len(seen.tokens),
                beats=seen.beats.mean(0, 1),
                reward=seen.reward.mean(self._rewards.least, self._rewards.most),
                tokens=seen.tokens.mean(0, self._most_tokens),
                change=seen.change.mean(0, 1),
                change_in_all=seen.change_in_all.mean(0, 1),
                unchanged=seen.unchanged.share(),
                refusals=seen.refusals.share(),
                evasions=seen.evasions.share(),
                cut=seen.cut.share(),
            )
            for number, seen in enumerate(self._seen)
        )

    def picked(self) -> Picked | None:
        """What a judge picked; None where each revision was sampled once."""
        return self._picked

    def _observe(self, number: int, response: Completion, prompt: int) -> _Seen:
        if number == len(self._seen):
            self._seen.append(_Seen())
        of, said = self._seen[number], stance(response.text)
        # Some servers count the reasoning that they do not show.
        self._most_tokens = max(self._most_tokens, response.completion_tokens)
        of.tokens.add(response.completion_tokens, prompt)
        of.refusals.add(said == "refusal", prompt)
        of.evasions.add(said == "evasion", prompt)
        of.cut.add(response.finish_reason == "length", prompt)
        return of


def _with(picked: Picked | None, one: Selection) -> Picked:
    """What was picked, and one more."""
    known = picked or Picked(judge=one.judge, of=0, revisions=0, others=0, unranked=0)
    return Picked(
        judge=known.judge,
        of=max(known.of, len(one.alternatives)),
        revisions=known.revisions + 1,
        others=known.others + (one.taken > 0),
        unranked=known.unranked + (one.worst is None),
    )
