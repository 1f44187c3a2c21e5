"""What tokens cost, as the user says: a YAML file, for nobody else knows what somebody pays.

currency: USD
models:
gpt-4o-mini:            # as --model names it
input: 0.15           # for a million prompt tokens
cached_input: 0.075   # for those that the server had at hand; left out: as input
output: 0.60          # for a million sampled tokens
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from constitution.errors import ConfigError
from constitution.records import Record
from constitution.spending import Tokens
from constitution.yamlfile import load_yaml, validate

MILLION = 1_000_000
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(Record):
    """Of one model, for a million tokens.

    Attributes:
        input: Prompt tokens.
        output: Sampled tokens.
        cached_input: Prompt tokens that the server had at hand; None: as `input`.
    """

    input: Amount
    output: Amount
    cached_input: Amount | None = None

    def cost(self, tokens: Tokens) -> float:
        """What so many tokens cost."""
        cached = self.input if self.cached_input is None else self.cached_input
        read = (tokens.prompt_tokens - tokens.reused_tokens) * self.input + tokens.reused_tokens * cached
        return (read + tokens.completion_tokens * self.output) / MILLION

    def at_most(self, prompt: int, completion: int) -> float:
        """What a call may cost, whatever is at hand."""
        return (prompt * max(self.input, self.cached_input or 0) + completion * self.output) / MILLION


class Prices(Record):
    """A price table.

    Attributes:
        currency: As it is printed.
        models: By the model's name.
    """

    currency: Annotated[str, Field(max_length=20)] = ""
    models: dict[str, Price]

    def of(self, model: str) -> Price | None:
        """The price of a model: by its name, or if that is a path by the last part of it; None if nobody told."""
        return self.models.get(model) or self.models.get(Path(model).name)

    def told(self, amount: float) -> str:
        """An amount as it is printed."""
        return f"{amount:,.4f} {self.currency}".rstrip() if amount < 100 else f"{amount:,.2f} {self.currency}".rstrip()


def load_prices(file: str | Path) -> Prices:
    """Read a price table.

    Raises:
        ConfigError: With file, line and rule.
    """
    path = Path(file).expanduser()
    return validate(Prices, load_yaml(path, ConfigError), path, ConfigError)
