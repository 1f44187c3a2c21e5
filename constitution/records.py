"""The records of a run, as they are journalled: frozen, typed, one JSON object a line.

Words are the field's own: a *transcript* is one prompt's whole chain, a *round* is one critique and the revision
that answers it (Bai et al. 2022, section 3.1). Lengths are in tokens of the model that wrote the text.
"""

from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length"]
# Which response is shown as (A): the first of the comparison, or the second.
Order = Literal["forward", "reversed"]
Label = Literal["A", "B"]
Status = Literal["labelled", "tie", "inconsistent", "invalid"]


def is_none(value: object) -> bool:
    """Whether a field is left out of what is written: so records without what is new read as they always did."""
    return value is None


class Record(BaseModel):
    """Base of all records: immutable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(Protocol):
    """A row, wherever it is run: its name, unique in the run, and its position in the input, from 0."""

    @property
    def id(self) -> str: ...  # noqa: D102

    @property
    def index(self) -> int: ...  # noqa: D102


class Message(Record):
    """One turn of a conversation."""

    role: Role
    content: str


class Prompt(Record):
    """What one row of the input asks.

    Attributes:
        id: The input's own id, else a content hash; unique in the run.
        index: Position of the row in the input, from 0, skipped rows counted.
        messages: The conversation so far, ending in a user turn; empty if the row asks nothing.
        metadata: The row's other columns that hold plain values.
    """

    id: str
    index: int
    messages: tuple[Message, ...]
    metadata: dict[str, JsonValue] = {}

    @property
    def text(self) -> str:
        """The last user turn."""
        return self.messages[-1].content if self.messages else ""


class Sampling(Record):
    """How an engine samples.

    Attributes:
        max_tokens: Most tokens in the answer.
        temperature: 0 is greedy.
        top_p: Nucleus mass, 1 keeps the whole distribution.
        top_k: Only the K most probable tokens; 0 keeps all.
        min_p: Only tokens at least this share of the most probable one's probability; 0 keeps all.
        stop: Strings that end the answer; not part of it.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    stop: tuple[str, ...] = ()


class Completion(Record):
    """What a model answered.

    Attributes:
        text: The answer, outer white space removed.
        finish_reason: `stop`, or `length` when the answer was cut at `max_tokens`.
        prompt_tokens: Tokens that the model was given.
        completion_tokens: Tokens that it sampled, the end-of-turn token included.
        control_strings: Control strings found in the messages, where the engine cannot make them plain text by itself.
        reused_tokens: Those of the prompt that the engine still had at hand. What else ran at that moment decides it,
            so it is no part of a row: it is kept with the call.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    control_strings: int = 0
    reused_tokens: Annotated[int, Field(exclude=True)] = 0


class Choice(Record):
    """How probable a model finds given answers.

    Attributes:
        logprobs: Of each option, in nats; not normalised over the options. None: the engine could not tell.
        sampled: None if they are the model's own. Else how many sampled answers they are the shares of, from a server
            that tells no log-probabilities.
        control_strings: As in `Completion`.
        prompt_tokens: Tokens that the model was given, in all requests that it took; 0 if nobody told.
        completion_tokens: Tokens that it sampled for it.
        reused_tokens: As in `Completion`.
    """

    logprobs: tuple[float | None, ...]
    sampled: int | None = None
    control_strings: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: Annotated[int, Field(exclude=True)] = 0


class Candidate(Record):
    """One of the responses to a prompt that are compared.

    Attributes:
        text: The response.
        source: Where it comes from: `sample-2`, `response`, `revision-1`, or a column of a file of pairs.
        model: Who wrote it; empty if unknown.
        finish_reason: None if unknown.
        rank: Place among the prompt's responses, 1 the best; None where the comparisons do not connect them all.
        strength: Bradley-Terry log-strength in nats, mean 0 over the prompt's responses.
    """

    text: str
    source: str
    model: str = ""
    finish_reason: FinishReason | None = None
    rank: int | None = None
    strength: float | None = None


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
    bias: Annotated[float | None, Field(exclude_if=is_none)] = None


class Alternative(Record):
    """One of the revisions of a round that a judge chose from (best of N).

    Attributes:
        completion: The revision.
        rank: Place among them, 1 the best; None where the judge's answers do not connect them all.
        strength: Bradley-Terry log-strength in nats, mean 0 over the round's revisions.
    """

    completion: Completion
    rank: int | None = None
    strength: float | None = None


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


class Round(Record):
    """One critique and the revision that answers it.

    Attributes:
        principle: Its id.
        critique: None in direct revision.
        revision: What goes on.
        selection: What it was taken from; None if there was only one.
    """

    principle: str
    critique: Completion | None
    revision: Completion
    selection: Annotated[Selection | None, Field(exclude_if=is_none)] = None


class Transcript(Record):
    """One prompt's whole chain, every intermediate kept."""

    id: str
    index: int
    prompt: tuple[Message, ...]
    metadata: dict[str, JsonValue]
    response: Completion
    rounds: tuple[Round, ...]

    @property
    def responses(self) -> tuple[Completion, ...]:
        """The initial response and every revision, in order: one more than there are rounds."""
        return (self.response, *(round.revision for round in self.rounds))

    @property
    def completions(self) -> tuple[Completion, ...]:
        """Every answer that the chain is made of, critiques included."""
        critiques = [round.critique for round in self.rounds if round.critique is not None]
        return (*self.responses, *critiques)

    @property
    def others(self) -> tuple[Completion, ...]:
        """Every revision that was not taken."""
        selections = [round.selection for round in self.rounds if round.selection is not None]
        return tuple(
            other.completion for one in selections for n, other in enumerate(one.alternatives) if n != one.taken
        )


class Comparison(Record):
    """Two responses to one prompt and the soft label of which is better (Bai et al. 2022, section 4.1).

    Attributes:
        id: The row's id and the two sources; unique in the run.
        row: The row's id.
        index: Position of the row in its input, from 0.
        pairs: How many comparisons the row has in all.
        prompt: The conversation that both answer.
        metadata: The row's other columns.
        first: One response.
        second: The other.
        votes: Every principle in both orders.
        p_forward: Probability that `first` is better when it is shown as (A): votes averaged as logits.
        p_reversed: The same when it is shown as (B).
        p: The soft label: both orders averaged as logits; None if invalid.
        disagreement: Standard deviation of the principles' probabilities, each averaged over both orders.
        status: Only `labelled` is exported unless asked. `invalid`: no readable verdict. `inconsistent`: the two
            orders contradict each other. `tie`: neither is better, or both are one text.
        gold: Which response people preferred, where the input says so.
        sampled: How many sampled answers each vote is the share of, from a judge that tells no log-probabilities; None
            if the votes are log-probabilities of the model's own.
    """

    id: str
    row: str
    index: int
    pairs: int
    prompt: tuple[Message, ...]
    metadata: dict[str, JsonValue]
    first: Candidate
    second: Candidate
    votes: tuple[Vote, ...]
    p_forward: float | None
    p_reversed: float | None
    p: float | None
    disagreement: float | None
    status: Status
    gold: Literal["first", "second"] | None = None
    sampled: int | None = None


class Failure(Record):
    """A row that could not be finished, though another try might: a later start of the run tries again.

    Attributes:
        id: The row.
        step: The call that failed, e.g. `revise-2`.
        kind: The error's class, e.g. `EmptyCompletion`.
        message: What it said.
        control_strings: How many the call's messages held, if that is why it failed.
    """

    id: str
    index: int
    step: str
    kind: str
    message: str
    control_strings: int = 0


class Filtered(Record):
    """A row that can never be run with these settings: an empty prompt, one beyond the model's context, or no pair."""

    id: str
    index: int
    reason: Literal["empty prompt", "context overflow", "no pair"]
    message: str


class Call(Record):
    """A finished model call, as journalled before its answer is used.

    Attributes:
        row: The row's id.
        index: Its position in the input.
        step: `respond`, `critique-N` or `revise-N`, rounds from 1; of best of K also `revise-N/K` and `pick-N/…` with
            two positions, the principle and the order; in the RL stage `sample-N`, the two sources, the
            principle and the order, or `content-free-N` and the principle; of scores the source and the rule.
        digest: Hash of all that affects the answer: model, messages, sampling, seed; of `choose` also the options.
        completion: What `generate` answered.
        choice: What `choose` answered.
        began: When it was asked for, in seconds since 1970 (see `calls.py`); None of calls of older versions.
        seconds: From then until the answer came, the time that it waited for its turn in the engine included.
        model: Who answered, as its identity names it; None of calls of older versions.
        reused_tokens: Prompt tokens that the engine still had at hand.
        lent: Whether another run paid for it (`--fork`).
    """

    row: str
    index: int
    step: str
    digest: str
    completion: Completion | None = None
    choice: Choice | None = None
    began: float | None = None
    seconds: float | None = None
    model: str | None = None
    reused_tokens: int = 0
    lent: bool = False
