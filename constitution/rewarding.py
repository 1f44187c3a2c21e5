"""Rules as a reward function: what TRL's GRPO and RLOO trainers call with the completions that they sampled.

    from constitution import rule_reward
    reward = rule_reward("harmlessness", judge="openai:NAME", base_url="http://localhost:8000/v1")
    GRPOTrainer(..., reward_funcs=[reward])

The judge is opened at the first call, on a thread with an event loop of its own, and stays open. TRL awaits coroutine
functions too, but trainers that do not (and plain scripts) can call this one as well.

A local judge (`transformers`) computes while the trainer waits: both on one processor's cores, one after the other. It
reads the answer in one pass, and rules of one completion share all but their last tokens; still, for anything but small
models a server is the better judge.
"""

import asyncio
import atexit
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from constitution.digests import derive_seed, digest
from constitution.engines import open_engine
from constitution.engines.base import Engine
from constitution.errors import CallError, ConfigError
from constitution.model_settings import ModelSettings, Role, resolve
from constitution.principles import PrincipleSet, Rule, find_principles, load_file
from constitution.records import Candidate, Choice, Message
from constitution.rule_templates import RuleTemplates, load_rule_templates
from constitution.score import Scorer, score
from constitution.score_records import Scored
from constitution.scoring_plan import chosen_rules
from constitution.tasks import together
from constitution.yamlfile import plainly

_log = logging.getLogger("constitution")
Conversation = str | Sequence[Mapping[str, Any]]


class RuleReward:
    """A reward function. Build it with `rule_reward`.

    Attributes:
        __name__: What trainers call it in their logs.
        rules: The rules that are asked about.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        judge: ModelSettings,
        templates: RuleTemplates,
        seed: int,
        min_mass: float,
        name: str,
    ) -> None:
        self.__name__ = name
        self.rules = tuple(rules)
        self._judge = judge
        self._templates = templates
        self._seed = seed
        self._min_mass = min_mass
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None

    def __call__(
        self, prompts: Sequence[Conversation], completions: Sequence[Conversation], **columns: Any
    ) -> list[float | None]:
        """The reward of each completion; None where the judge did not answer, which trainers leave out.

        Args:
            prompts: As text or as messages; one for each completion.
            completions: As text or as messages. Of several messages, the last one is judged, and those before it are
                shown with the prompt.
            **columns: What else the trainer hands over. Through TRL's `log_metric`, each rule's mean is logged.

        Raises:
            ModelError: The judge cannot be opened, or is gone.
        """
        with self._lock:
            found = asyncio.run_coroutine_threadsafe(self._score(prompts, completions), self._running()).result()
        log = columns.get("log_metric")
        if log:
            self._tell(log, found)
        return [one.reward if one else None for one in found]

    def close(self) -> None:
        """Close the judge and end the thread; the next call opens it again."""
        with self._lock:
            loop, engine = self._loop, self._engine
            self._loop = self._engine = None
            if loop is None:
                return
            if engine is not None:
                asyncio.run_coroutine_threadsafe(engine.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()
            atexit.unregister(self.close)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon: a trainer that fails must not wait for it.
            self._thread = threading.Thread(target=self._loop.run_forever, name="rule reward", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        return self._loop

    async def _score(self, prompts: Sequence[Conversation], completions: Sequence[Conversation]) -> list[Scored | None]:
        if self._engine is None:
            self._engine = await open_engine(self._judge, self._templates.chat_template)
        free = asyncio.Semaphore(self._judge.concurrency)

        async def one(prompt: Conversation, completion: Conversation) -> Scored | None:
            async with free:
                return await self._score_one(prompt, completion)

        return await together([one(*pair) for pair in zip(prompts, completions, strict=True)])

    async def _score_one(self, prompt: Conversation, completion: Conversation) -> Scored | None:
        engine = self._engine
        assert engine
        shown, answer = _messages(prompt, "user"), _messages(completion, "assistant")
        last = answer[-1].content if answer else ""
        asked = [*shown, *answer[:-1]]
        # The prompt's name: all its completions are judged after the same examples.
        row = digest([message.model_dump() for message in shown])

        async def weigh(step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
            return await engine.choose(messages, options, derive_seed("choose", self._seed, row, step, last))

        scorer = Scorer(weigh, self.rules, self._templates, self._seed, self._min_mass)
        try:
            (found,) = await score(row, asked, [Candidate(text=last, source="completion")], scorer)
        except CallError as bad:
            _log.warning("%s: a completion has no reward: %s", self.__name__, bad.message)
            return None
        return found

    def _tell(self, log: Callable[[str, float], object], found: Sequence[Scored | None]) -> None:
        for place, rule in enumerate(self.rules):
            ps = [p for one in found if one and (p := one.rules[place].p) is not None]
            if ps:
                log(f"{self.__name__}/{rule.id}", math.fsum(ps) / len(ps))
        log(f"{self.__name__}/unscored", sum(1 for one in found if not one or one.reward is None) / len(found))


def rule_reward(
    principles: str | PrincipleSet,
    judge: str = "smollm2",
    *,
    only: Sequence[str] = (),
    templates: str = "chat",
    few_shots: int | None = None,
    min_mass: float = 0.001,
    seed: int = 0,
    concurrency: int = 64,
    name: str = "rule_reward",
    **model: Any,
) -> RuleReward:
    """A reward function for TRL: the weighted sum of the rules' probabilities (see `score.py`).

    Args:
        principles: A file with `rules`, by path or shipped name, or loaded.
        judge: As `--judge` of `constitution score`: a name, which may begin with its engine (`openai:NAME`).
        only: Ids of the rules that count; none are all.
        templates: The set whose `score.jinja` asks.
        few_shots: How many of its examples go before each question; None is four, or as many as there are.
        min_mass: Least probability that the judge gives to yes and no together; below it, a completion has no reward.
        seed: Of the examples' draws.
        concurrency: Completions that are judged at once.
        name: What trainers call it in their logs.
        **model: How to reach the judge: `base_url`, `key_env`, `device`, … as a config file spells out a role.

    Raises:
        ConfigError: An unknown or wrong value in `model`.
        PrinciplesError: No such file, or no rules in it.
        TemplateError: A template set that has no question for rules.
    """
    loaded = load_file(principles) if isinstance(principles, str) else principles
    try:
        role = Role(model=judge, **model)
    except ValidationError as bad:
        fault = bad.errors()[0]
        raise ConfigError(
            f"rule_reward: {'.'.join(map(str, fault['loc']))}: {plainly(fault)}",
            f"What can be said of the judge: {', '.join(Role.model_fields)}",
        ) from None
    settings = resolve(ModelSettings(concurrency=concurrency), role)
    rules = chosen_rules(loaded, only, str(find_principles(principles)) if isinstance(principles, str) else loaded.name)
    return RuleReward(rules, settings, load_rule_templates(templates, few_shots), seed, min_mass, name)


def _messages(given: Conversation, role: str) -> list[Message]:
    """Text, or messages as trainers have them, as a conversation; tools speak as users."""
    if isinstance(given, str):
        return [Message.model_validate({"role": role, "content": given})]
    roles = {"system", "user", "assistant"}
    return [
        Message.model_validate(
            {"role": one["role"] if one["role"] in roles else "user", "content": _text(one.get("content"))}
        )
        for one in given
    ]


def _text(content: Any) -> str:
    """A message's text; of one that is made of parts, that of its parts."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if part.get("type") == "text")
    return content or ""
