"""An engine without a model: every answer follows from the conversation and the seed alone.

For tests and dry runs. Without rules it answers in one readable sentence; a rules file (YAML, given as `--model`)
says what to answer when:

    - when: "wire transfer"      # regular expression, searched in the last user turn; the first match wins
      reply: "I can't help with that."
      seconds: 0.05              # how long the answer takes
    - when: "crash"
      error: "the server hung up"
    - when: "less harmful"
      choose: {A: 0.8, B: 0.2}   # probabilities that `choose` reports
"""

import asyncio
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from constitution.digests import derive_seed, derive_uniform, digest
from constitution.engines.base import Determinism, Identity, Usage
from constitution.errors import CallError, ConfigError, ContextOverflow
from constitution.model_settings import ModelSettings
from constitution.records import Choice, Completion, Message, Record, Sampling
from constitution.yamlfile import load_yaml, validate


class Rule(Record):
    """What to answer to a last user turn that matches `when`."""

    when: str
    reply: str | None = None
    error: str | None = None
    choose: dict[str, Annotated[float, Field(gt=0, le=1)]] | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @field_validator("when")
    @classmethod
    def _compiles(cls, when: str) -> str:
        try:
            re.compile(when)
        except re.error as bad:
            raise ValueError(f"not a regular expression: {bad}") from None
        return when


class Rules(Record):
    """A rules file."""

    rules: tuple[Rule, ...] = ()


class ScriptedEngine:
    """See the module's docstring. A token is a word here.

    Args:
        rules: Tried in order.
        context: Context length in words.
        name: Stands as the model in the manifest.
    """

    determinism: Determinism = "exact"

    def __init__(self, rules: Sequence[Rule] = (), context: int = 8192, name: str = "scripted") -> None:
        self._rules = tuple(rules)
        self._context = context
        self._prompt_tokens = self._completion_tokens = 0
        self.identity = Identity(
            engine="scripted",
            model=name,
            revision=digest([rule.model_dump(exclude={"seconds"}) for rule in rules]),
        )

    @property
    def usage(self) -> Usage:
        """Words in, words out."""
        return Usage(prompt_tokens=self._prompt_tokens, completion_tokens=self._completion_tokens)

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """The first matching rule's reply, else a sentence made of the conversation's and the seed's hash."""
        prompt_tokens = self._count(messages, sampling.max_tokens)
        rule = await self._match(messages)
        last = messages[-1].content
        mark = f"{derive_seed(seed, [m.model_dump() for m in messages]):012x}"
        text = (
            rule.reply
            if rule and rule.reply is not None
            else f"Scripted answer {mark} to: {' '.join(last.split()[:12])}"
        )
        # As a model would: word by word, until a stop string or the last word that there is room for.
        words = re.findall(r"\s*\S+", text)
        spoken = "".join(words[: sampling.max_tokens])
        ends = [place for stop in sampling.stop if (place := spoken.find(stop)) >= 0]
        cut = not ends and len(words) > sampling.max_tokens
        text = spoken[: min(ends, default=len(spoken))].strip()
        completion_tokens = len(text.split())
        self._prompt_tokens += prompt_tokens
        self._completion_tokens += completion_tokens
        return Completion(
            text=text,
            finish_reason="length" if cut else "stop",
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """The first matching rule's probabilities (an option it leaves out: 1e-9), else shares drawn from a hash."""
        prompt_tokens = self._count(messages, 1)
        self._prompt_tokens += prompt_tokens
        rule = await self._match(messages)
        if rule and rule.choose is not None:
            told = tuple(math.log(rule.choose.get(option, 1e-9)) for option in options)
            return Choice(logprobs=told, prompt_tokens=prompt_tokens)
        shares = [derive_uniform([m.model_dump() for m in messages], option) for option in options]
        told = tuple(math.log(share / sum(shares)) for share in shares)
        return Choice(logprobs=told, prompt_tokens=prompt_tokens)

    def count(self, messages: Sequence[Message]) -> int:
        """As `Engine.count` of engines that can."""
        return sum(len(message.content.split()) for message in messages)

    async def aclose(self) -> None:
        """Nothing to stop."""

    async def _match(self, messages: Sequence[Message]) -> Rule | None:
        rule = next((rule for rule in self._rules if re.search(rule.when, messages[-1].content)), None)
        # Always gives way once, as an engine that really works would: tests see true interleaving.
        await asyncio.sleep(rule.seconds if rule else 0)
        if rule and rule.error is not None:
            raise CallError(rule.error)
        return rule

    def _count(self, messages: Sequence[Message], reserved: int) -> int:
        words = self.count(messages)
        if words + reserved > self._context:
            raise ContextOverflow(words + reserved, self._context)
        return words


async def open_engine(settings: ModelSettings, chat_template: str | None = None) -> ScriptedEngine:
    """Open it with the rules file that `--model` names, or without rules under the default model name.

    Raises:
        ConfigError: With file, line and rule.
    """
    if settings.model in {"smollm2", "scripted"}:
        return ScriptedEngine()
    path = Path(settings.model).expanduser()
    document = {"rules": load_yaml(path, ConfigError)}
    return ScriptedEngine(validate(Rules, document, path, ConfigError).rules, name=path.name)


async def check_model(settings: ModelSettings) -> None:
    """Read the rules.

    Raises:
        ConfigError: With file, line and rule.
    """
    await open_engine(settings)
