"""Caps on what a run may spend: a call begins only if the most that it can take still fits.

    spent + under way + the next call at most <= cap

A call that does not fit beside those under way waits for them; one that does not fit beside what is spent ends the run,
as Ctrl-C does: nothing is lost, and a higher cap goes on.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from constitution.engines.base import Engine
from constitution.errors import CapReached, ConfigError, ModelError
from constitution.model_settings import ModelSettings
from constitution.prices import Prices, load_prices
from constitution.records import Call, Message
from constitution.runner import Stop
from constitution.spending import Tokens, bill, spent_in, tokens_of

Result = TypeVar("Result")

# What a chat template adds to a message, and to a conversation, in bytes of text: more than those in use do.
MESSAGE_BYTES = 32
CONVERSATION_BYTES = 256
# After so many calls, how many tokens a byte is has been seen well enough to bound the next ones, with this margin.
SEEN_ENOUGH = 20
MARGIN = 1.25
# Tokens that an engine may sample for each vote of a judge, and for a choice without votes.
VOTE_TOKENS = 16


class Capped(Protocol):
    """Settings that hold caps."""

    @property
    def max_tokens_total(self) -> int | None: ...  # noqa: D102

    @property
    def max_cost(self) -> float | None: ...  # noqa: D102

    @property
    def prices(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class Most:
    """The most that a call can take.

    Attributes:
        tokens: Given and sampled.
        cost: In the price table's currency; 0 without a cap on it.
    """

    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Most") -> "Most":
        """Both together."""
        return Most(self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: "Most") -> "Most":
        """What is left without `other`."""
        return Most(self.tokens - other.tokens, self.cost - other.cost)


class Spending:
    """What a run has spent, and what it may yet.

    Args:
        spent: By earlier starts, by model.
        tokens: The cap on tokens, given and sampled; None: none.
        cost: The cap on cost; None: none.
        prices: Where there is a cap on cost, with a price for every model.
    """

    def __init__(
        self,
        spent: dict[str, Tokens],
        tokens: int | None = None,
        cost: float | None = None,
        prices: Prices | None = None,
    ) -> None:
        self._cap, self._cost_cap, self._prices = tokens, cost, prices
        self._spent = Most(sum(one.total for one in spent.values()), bill(spent, prices).cost or 0.0)
        self._under_way = Most()
        self._calls_under_way = 0
        self._freed = asyncio.Event()
        # Tokens of a byte, the most so far and in how many calls, by model and by whether it chose.
        self._densities: dict[tuple[str, bool], tuple[float, int]] = {}

    def add(self, call: Call) -> None:
        """A call has been made.

        Raises:
            ModelError: Nobody told its tokens, so no cap can be held.
            ConfigError: Nobody told the price of its model.
        """
        tokens = tokens_of(call)
        if tokens.untold:
            raise ModelError(
                f"{call.model}: tells no token counts, so a cap on them or their cost cannot be held",
                "Nothing is lost. Leave the cap out, or ask a server that tells `usage`.",
            )
        cost = self._price(call.model or "").cost(tokens) if self._prices and self._cost_cap is not None else 0.0
        self._spent += Most(tokens.total, cost)

    def exceeded(self) -> str | None:
        """Which cap is used up, with what is spent, in a line; None if none is."""
        if self._cap is not None and self._spent.tokens >= self._cap:
            return f"--max-tokens-total {self._cap}: {self._spent.tokens:,} tokens are spent"
        if self._cost_cap is not None and self._prices and self._spent.cost >= self._cost_cap:
            return f"--max-cost {self._cost_cap:g}: {self._prices.told(self._spent.cost)} is spent"
        return None

    def may_begin(self, most: Most) -> bool:
        """Whether a call that takes this at most fits beside what is spent and what is under way."""
        needed = self._spent + self._under_way + most
        return (self._cap is None or needed.tokens <= self._cap) and (
            self._cost_cap is None or needed.cost <= self._cost_cap
        )

    def error(self, most: Most | None = None) -> CapReached:
        """What ends the run: a cap is used up, or a call that may take as much as this does not fit."""
        next_call = most or Most()
        if self._cap is not None and max(self._spent.tokens + next_call.tokens, self._spent.tokens + 1) > self._cap:
            what = f"{self._spent.tokens:,} tokens are spent"
            flag, higher, needs = f"--max-tokens-total {self._cap}", f"{2 * self._cap}", f"{next_call.tokens:,} more"
        else:
            assert self._cost_cap is not None and self._prices
            what = f"{self._prices.told(self._spent.cost)} is spent"
            flag, higher = f"--max-cost {self._cost_cap:g}", f"{2 * self._cost_cap:g}"
            needs = f"{self._prices.told(next_call.cost)} more"
        left = f", and the next call may take {needs}" if most else ""
        name = flag.split()[0]
        return CapReached(
            f"at the cap {flag}: {what}{left}",
            f"Nothing is lost. The same command with a higher cap goes on, for example: {name} {higher}",
        )

    async def within(
        self,
        stop: Stop,
        engine: Engine,
        messages: Sequence[Message],
        answer: int | None,
        call: Coroutine[Any, Any, Result],
    ) -> Result:
        """Make a model call if it fits; else wait until it does, or end the run and never return.

        Args:
            stop: Asked to end the run, with the reason.
            engine: Whom the call asks.
            messages: What it asks.
            answer: Most tokens of the answer; None for `choose`.
            call: The call itself.
        """
        most = self._most(engine, messages, answer)
        try:
            while not stop.asked and not self.may_begin(most):
                if not self._calls_under_way:
                    stop.ask(self.error(most))
                    break
                # What is under way takes less than it might: then there may be room.
                await self._freed.wait()
        except asyncio.CancelledError:
            call.close()
            raise
        with self._counted(most):
            return await stop.call(call)

    def saw(self, engine: Engine, messages: Sequence[Message], call: Call) -> None:
        """Learn how many tokens a byte is, for engines that cannot count beforehand."""
        answer = call.answer
        if answer and not hasattr(engine, "count"):
            key = engine.identity.model, call.choice is not None
            most, seen = self._densities.get(key, (0.0, 0))
            taken = answer.prompt_tokens + (answer.completion_tokens if call.choice else 0)
            self._densities[key] = max(most, taken / _size(messages)), seen + 1

    def _most(self, engine: Engine, messages: Sequence[Message], answer: int | None) -> Most:
        count, model = getattr(engine, "count", None), engine.identity.model
        sampled = VOTE_TOKENS if answer is None else answer
        density, seen = self._densities.get((model, answer is None), (0.0, 0))
        if count:
            prompt = count(messages)
        elif seen >= SEEN_ENOUGH:
            prompt = round(_size(messages) * density * MARGIN)
        else:
            votes = getattr(engine, "votes", 0) if answer is None else 0
            prompt, sampled = _size(messages) * (1 + votes), sampled * (1 + votes)
        cost = self._price(model).at_most(prompt, sampled) if self._prices and self._cost_cap is not None else 0.0
        return Most(prompt + sampled, cost)

    def _price(self, model: str) -> Any:
        assert self._prices
        if price := self._prices.of(model):
            return price
        raise unpriced([model])

    @contextmanager
    def _counted(self, most: Most) -> Iterator[None]:
        self._under_way += most
        self._calls_under_way += 1
        try:
            yield
        finally:
            self._under_way -= most
            self._calls_under_way -= 1
            self._freed.set()
            self._freed = asyncio.Event()


def begin_spending(folder: Path, settings: Capped, models: Iterable[ModelSettings]) -> Spending | None:
    """The caps of a run, before anything is loaded; None if it has none.

    Args:
        folder: The run's, which need not be there.
        settings: Where the caps are.
        models: All that the run asks.

    Raises:
        ConfigError: A cap is already exceeded, or the price of a model is not known.
    """
    prices = load_prices(settings.prices) if settings.prices else None
    if settings.max_tokens_total is None and settings.max_cost is None:
        return None
    spent = spent_in(folder)
    if settings.max_cost is not None:
        if prices is None:
            raise ConfigError(
                f"--max-cost {settings.max_cost:g}: what do tokens cost?", "Say it in a file: --prices PRICES.yaml"
            )
        used = {priced_name(model) for model in models} | spent.keys()
        if without := sorted(model for model in used if not prices.of(model)):
            raise unpriced(without, settings.prices)
    spending = Spending(spent, settings.max_tokens_total, settings.max_cost, prices)
    if exceeded := spending.exceeded():
        raise ConfigError(
            f"{folder}: the cap is already exceeded: {exceeded}", "Give a higher cap, or leave it out; nothing is lost."
        )
    return spending


def priced_name(model: ModelSettings) -> str:
    """What a model is called in a price table and in the journal."""
    if model.engine == "probe":
        return f"probe:{Path(model.model).name.removesuffix('.safetensors')}"
    # The scripted engine has no model; its settings name the default one.
    return "scripted" if (model.engine, model.model) == ("scripted", "smollm2") else model.model


def unpriced(models: Sequence[str], file: str | None = None) -> ConfigError:
    """The error of a cap on cost where nobody told what a model costs."""
    where = f"{file}: " if file else ""
    return ConfigError(
        f"{where}no price for {', '.join(models)}, so --max-cost cannot be held",
        "Add `input` and `output` of the model, for a million tokens (0 if it costs nothing), or leave out --max-cost.",
    )


def _size(messages: Sequence[Message]) -> int:
    """Bytes of a conversation as the model reads it, which is no less than its tokens."""
    return CONVERSATION_BYTES + sum(MESSAGE_BYTES + len(message.content.encode()) for message in messages)
