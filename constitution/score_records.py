"""The records of scored responses, as they are journalled: what a judge says of the rules of a principles file."""

from pydantic import JsonValue

from constitution.records import FinishReason, Message, Record


class RuleScore(Record):
    """How probable a judge finds that one rule's proposition is true of a response.

    Attributes:
        rule: Its id.
        logprob_yes: Log-probability of the answer yes, in nats; None: the judge could not tell.
        logprob_no: Likewise of no.
        sampled: How many sampled answers the log-probabilities are shares of; None if they are the model's own.
        mass: Probability of the two answers together; None if one is unknown.
        p: Probability of yes, normalised over the two; None if invalid: the judge was not answering.
    """

    rule: str
    logprob_yes: float | None
    logprob_no: float | None
    sampled: int | None
    mass: float | None
    p: float | None


class Scored(Record):
    """One response and what the rules say of it (Mu et al. 2024, section 4).

    Attributes:
        text: The response.
        source: Where it comes from: `response`, `revision-1`, `sample-2`, or a column of a file of pairs.
        model: Who wrote it; empty if unknown.
        finish_reason: None if unknown.
        reward: Sum of each rule's weight times its probability; None if a rule is invalid. By a judge that rewards, its
            reward in nats.
        invalid: Ids of the rules whose answer could not be read.
        rules: Every rule asked, in the order of the file; none by a judge that rewards.
    """

    text: str
    source: str
    model: str = ""
    finish_reason: FinishReason | None = None
    reward: float | None
    invalid: tuple[str, ...]
    rules: tuple[RuleScore, ...]


class Scores(Record):
    """The scored responses of one row.

    Attributes:
        id: The row's id.
        index: Position of the row in its input, from 0.
        prompt: The conversation that they answer.
        metadata: The row's other columns.
        responses: In the order in which they were written.
    """

    id: str
    index: int
    prompt: tuple[Message, ...]
    metadata: dict[str, JsonValue]
    responses: tuple[Scored, ...]
