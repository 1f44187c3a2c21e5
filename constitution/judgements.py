"""What a judge says, of responses one by one, of two of them, and of the revisions that one is taken from."""

from typing import Annotated, Literal

from pydantic import Field

from constitution.answers import Completion, FinishReason, Record, absent

# Which response is shown as (A): the first of the comparison, or the second.
Order = Literal["forward", "reversed"]
Label = Literal["A", "B"]
Status = Literal["labelled", "tie", "inconsistent", "invalid"]


class Candidate(Record):
    """One of the responses to a prompt that are compared.

    Attributes:
        text: The response.
        source: Where it comes from: `sample-2`, `response`, `revision-1`, or a column of a file of pairs.
        model: Who wrote it; empty if unknown.
        finish_reason: None if unknown.
        rank: Place among the prompt's responses, 1 the best; None where the comparisons do not connect them all.
        strength: Bradley-Terry log-strength in nats, mean 0 over the prompt's responses.
        reward: In nats, of a response beside those compared (`Comparison.others`).
    """

    text: str
    source: str
    model: str = ""
    finish_reason: FinishReason | None = None
    rank: int | None = None
    strength: float | None = None
    reward: Annotated[float | None, Field(exclude_if=absent)] = None


class Reasoning(Record):
    """One chain of thought of a judge.

    Attributes:
        completion: What it wrote before the verdict.
        verdict: The label that its last answer marker names; None if unreadable, or if `choose` was asked instead.
        logprob_a: Log-probability of the label A after the reasoning, in nats; None without `choose`.
        logprob_b: Likewise of B.
        sampled: As in `Vote`.
        p_first: Probability that the comparison's first response is better, the order undone; None if unreadable.
    """

    completion: Completion
    verdict: Label | None = None
    logprob_a: float | None = None
    logprob_b: float | None = None
    sampled: int | None = None
    p_first: float | None = None


class Vote(Record):
    """What a judge said of two responses under one principle, in one order.

    Attributes:
        principle: Its id.
        order: Which response was shown as (A).
        logprob_a: Log-probability of the label A, in nats; None when the judge reasoned first.
        logprob_b: Likewise of B.
        sampled: How many sampled answers the log-probabilities are shares of; None if they are the model's own.
        reasonings: Chains of thought, if the judge reasons first.
        p_first: Probability that the comparison's first response is better, the order undone; None if unreadable.
        bias: What was subtracted from the logit of (A), in nats: what it is where neither response says anything. None
            if the judge was not calibrated, or no answer about content-free responses was readable.
    """

    principle: str
    order: Order
    logprob_a: float | None = None
    logprob_b: float | None = None
    sampled: int | None = None
    reasonings: tuple[Reasoning, ...] = ()
    p_first: float | None = None
    bias: Annotated[float | None, Field(exclude_if=absent)] = None


class Alternative(Record):
    """One of the revisions of a round that a judge chose from (best of N).

    Attributes:
        completion: The revision.
        rank: Place among them, 1 the best; None where the judge's answers do not connect them all.
        strength: Bradley-Terry log-strength in nats, mean 0 over the round's revisions.
        reward: In nats, by a judge that rewards.
    """

    completion: Completion
    rank: int | None = None
    strength: float | None = None
    reward: Annotated[float | None, Field(exclude_if=absent)] = None


class Judgement(Record):
    """What a judge said of two of a round's revisions, under the round's principle.

    Attributes:
        first: Position of one among the alternatives, from 0.
        second: Of the other.
        votes: In both orders; none if both are one text.
        p: As in `Comparison`; likewise `status`.
    """

    first: int
    second: int
    votes: tuple[Vote, ...]
    p: float | None
    status: Status


class Selection(Record):
    """How the revision that goes on was taken from several.

    Attributes:
        judge: The judge's name.
        alternatives: All of them, in the order of their seeds.
        taken: Position of the one that goes on, from 0.
        judgements: What the judge said of them in pairs.
    """

    judge: str
    alternatives: tuple[Alternative, ...]
    taken: int
    judgements: tuple[Judgement, ...]

    @property
    def worst(self) -> int | None:
        """Position of the last in rank; None if there are no ranks."""
        places = [(one.rank, number) for number, one in enumerate(self.alternatives) if one.rank is not None]
        return max(places)[1] if len(places) == len(self.alternatives) else None

    @property
    def margin(self) -> float | None:
        """By how much the best is stronger than the worst, in nats; None if there are no ranks."""
        best, worst = self.alternatives[self.taken], self.worst
        last = None if worst is None else self.alternatives[worst]
        if last is None or best.strength is None or last.strength is None:
            return None
        return best.strength - last.strength
