"""What a run's folder has spent so far, from its journals: all stages, and all starts."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from constitution.journal import read_records
from constitution.manifest import COMPARE, EXPAND, REVISE, SCORE, has_stage, load_manifest
from constitution.records import Call, Record

if TYPE_CHECKING:
    from constitution.prices import Prices


class Tokens(Record):
    """What calls took.

    Attributes:
        calls: How many.
        prompt_tokens: Tokens that the model was given.
        reused_tokens: Those of them that it had at hand.
        completion_tokens: Tokens that it sampled.
        untold: Calls of which nobody told the tokens; they add nothing to the above.
    """

    calls: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    completion_tokens: int = 0
    untold: int = 0

    @property
    def total(self) -> int:
        """Given and sampled."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Tokens") -> "Tokens":
        """Both together."""
        return Tokens(**{name: getattr(self, name) + getattr(other, name) for name in Tokens.model_fields})


class Bill(Record):
    """What a run has spent, all stages together.

    Attributes:
        tokens: Of all calls but those that another run paid for.
        cost: None if it is not known, because nobody told the prices, or the tokens of some calls.
        currency: Of the price table.
        unpriced: Models without a price.
    """

    tokens: Tokens
    cost: float | None = None
    currency: str = ""
    unpriced: tuple[str, ...] = ()


def tokens_of(call: Call) -> Tokens:
    """What a call took; nothing, if another run paid for it."""
    answer = call.answer
    if call.lent or answer is None:
        return Tokens()
    if not answer.prompt_tokens:
        return Tokens(calls=1, untold=1)
    return Tokens(
        calls=1,
        prompt_tokens=answer.prompt_tokens,
        reused_tokens=call.reused_tokens,
        completion_tokens=answer.completion_tokens,
    )


def add_up(calls: Iterable[tuple[str, Call]]) -> dict[str, Tokens]:
    """What calls took, by the model that answered.

    Args:
        calls: Each with the model that its stage names, for calls that do not say who answered.
    """
    found: dict[str, Tokens] = {}
    for stage_model, call in calls:
        model = call.model or stage_model
        found[model] = found.get(model, Tokens()) + tokens_of(call)
    return {model: tokens for model, tokens in found.items() if tokens.calls}


def spent_in(folder: Path) -> dict[str, Tokens]:
    """What all stages of a run's folder took, by model; nothing if there is none yet.

    Raises:
        RunError: A journal is damaged.
    """
    return add_up(_calls(folder))


def bill(spent: dict[str, Tokens], prices: "Prices | None") -> Bill:
    """What that costs."""
    tokens = sum(spent.values(), Tokens())
    if prices is None:
        return Bill(tokens=tokens, unpriced=tuple(sorted(spent)))
    found = {model: prices.of(model) for model in spent}
    unpriced = tuple(sorted(model for model, price in found.items() if price is None))
    cost = sum(price.cost(spent[model]) for model, price in found.items() if price)
    known = not unpriced and not tokens.untold
    return Bill(tokens=tokens, cost=cost if known else None, currency=prices.currency, unpriced=unpriced)


def _calls(folder: Path) -> Iterator[tuple[str, Call]]:
    for stage in (REVISE, COMPARE, SCORE, EXPAND):
        if has_stage(folder, stage):
            model = load_manifest(folder, stage).model
            for call in read_records(folder / stage.calls, Call):
                yield model, call
