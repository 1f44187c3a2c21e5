"""The records of a run, as they are journalled: frozen, typed, one JSON object a line.

Words are the field's own: a *transcript* is one prompt's whole chain, a *round* is one critique and the revision
that answers it (Bai et al. 2022, section 3.1). Lengths are in tokens of the model that wrote the text.
"""

from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue

from constitution.answers import Choice as Choice
from constitution.answers import Completion as Completion
from constitution.answers import FinishReason as FinishReason
from constitution.answers import Record as Record
from constitution.answers import Reward as Reward
from constitution.answers import Sampling as Sampling
from constitution.answers import absent
from constitution.judgements import Alternative as Alternative
from constitution.judgements import Candidate as Candidate
from constitution.judgements import Judgement as Judgement
from constitution.judgements import Label as Label
from constitution.judgements import Order as Order
from constitution.judgements import Reasoning as Reasoning
from constitution.judgements import Selection as Selection
from constitution.judgements import Status as Status
from constitution.judgements import Vote as Vote

Role = Literal["system", "user", "assistant"]


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
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """The last user turn."""
        return self.messages[-1].content if self.messages else ""


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
    selection: Annotated[Selection | None, Field(exclude_if=absent)] = None


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
        votes: Every principle in both orders; none by a judge that rewards.
        p_forward: Probability that `first` is better when it is shown as (A): votes averaged as logits. None by a judge
            that rewards: it sees one response at a time.
        p_reversed: The same when it is shown as (B).
        p: The soft label: both orders averaged as logits, or that of the two rewards; None if invalid.
        disagreement: Standard deviation of the principles' probabilities, each averaged over both orders; None by a
            judge that rewards.
        status: Only `labelled` is exported unless asked. `invalid`: no readable verdict. `inconsistent`: the two
            orders contradict each other. `tie`: neither is better, or both are one text.
        gold: Which response people preferred, where the input says so.
        sampled: How many sampled answers each vote is the share of, from a judge that tells no log-probabilities; None
            if the votes are log-probabilities of the model's own.
        reward_first: The reward of `first` in nats, by a judge that rewards; else None.
        reward_second: Likewise of `second`.
        others: The prompt's other responses, where rewards tell which two are the best and the worst; else each is in a
            comparison of its own.
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
    reward_first: Annotated[float | None, Field(exclude_if=absent)] = None
    reward_second: Annotated[float | None, Field(exclude_if=absent)] = None
    others: Annotated[tuple[Candidate, ...], Field(exclude_if=absent)] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The two, and the others."""
        return (self.first, self.second, *self.others)

    @property
    def judged(self) -> bool:
        """Whether a judge was asked; of one text twice nobody need be."""
        return bool(self.votes) or self.reward_first is not None


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
            principle and the order, or `content-free-N` and the principle; of scores the source and the rule; of
            rewards the source and `reward`.
        digest: Hash of all that affects the answer: model, messages, sampling, seed; of `choose` also the options, of
            `reward` the response.
        completion: What `generate` answered.
        choice: What `choose` answered.
        reward: What `reward` answered.
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
    reward: Reward | None = None
    began: float | None = None
    seconds: float | None = None
    model: str | None = None
    reused_tokens: int = 0
    lent: bool = False

    @property
    def answer(self) -> Completion | Choice | Reward | None:
        """What it answered, whichever way it was asked."""
        return self.completion or self.choice or self.reward
