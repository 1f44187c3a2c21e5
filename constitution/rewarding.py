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
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from constitution.digests import derive_seed, digest
from constitution.engines import open_engine
from constitution.engines.base import Engine
from constitution.errors import CallError, ConfigError
from constitution.judge_thread import JudgeThread
from constitution.model_settings import ModelSettings, Role, resolve
from constitution.principles import PrincipleSet, Rule, find_principles, load_file
from constitution.records import Candidate, Choice, Message
from constitution.reward_turns import Conversation, Turns, read_turns
from constitution.rule_templates import RuleTemplates, load_rule_templates
from constitution.score import Scorer, score
from constitution.score_records import Scored
from constitution.score_settings import ScoreSettings
from constitution.scoring_plan import chosen_rules
from constitution.tasks import together
from constitution.yamlfile import plainly

_log = logging.getLogger("constitution")
Checked = TypeVar("Checked", bound=BaseModel)


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
        unscored: float | None = None,
    ) -> None:
        self.__name__ = name
        self.rules = tuple(rules)
        self._judge = judge
        self._templates = templates
        self._seed = seed
        self._min_mass = min_mass
        self._unscored = unscored
        self._judging = JudgeThread(self._open, "rule reward")

    def __call__(
        self, prompts: Sequence[Conversation], completions: Sequence[Conversation], **columns: Any
    ) -> list[float | None]:
        """The reward of each completion; `unscored` where the judge did not answer.

        Args:
            prompts: As text or as messages; one for each completion.
            completions: As text or as messages. Of several messages, the assistant's last one is judged, and those
                before it are shown with the prompt.
            **columns: What else the trainer hands over. Through TRL's `log_metric`, each rule's mean is logged.

        Raises:
            SourceError: A prompt or a completion is no conversation, or they are not as many.
            ModelError: The judge cannot be opened, or is gone.
        """
        turns = read_turns(prompts, completions)
        found = self._judging.run(lambda engine: self._score(turns, engine))
        log = columns.get("log_metric")
        if log and found:
            self._tell(log, found)
        return [self._unscored if one is None or one.reward is None else one.reward for one in found]

    def close(self) -> None:
        """Close the judge and end the thread; the next call opens it again."""
        self._judging.close()

    async def _open(self) -> Engine:
        return await open_engine(self._judge, self._templates.chat_template)

    async def _score(self, turns: Sequence[Turns], engine: Engine) -> list[Scored | None]:
        free = asyncio.Semaphore(self._judge.concurrency)

        async def one(turns: Turns) -> Scored | None:
            async with free:
                return await self._score_one(turns, engine)

        return await together([one(each) for each in turns])

    async def _score_one(self, turns: Turns, engine: Engine) -> Scored | None:
        # The prompt's name: all its completions are judged after the same examples.
        row = digest([message.model_dump() for message in turns.prompt])

        async def weigh(step: str, messages: Sequence[Message], options: Sequence[str]) -> Choice:
            return await engine.choose(messages, options, derive_seed("choose", self._seed, row, step, turns.judged))

        scorer = Scorer(weigh, self.rules, self._templates, self._seed, self._min_mass)
        try:
            judged = Candidate(text=turns.judged, source="completion")
            (found,) = await score(row, [*turns.prompt, *turns.before], [judged], scorer)
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
    principles: str | Path | PrincipleSet,
    judge: str = "smollm2",
    *,
    only: Sequence[str] = (),
    templates: str = "chat",
    few_shots: int | None = None,
    min_mass: float = 0.001,
    seed: int = 0,
    concurrency: int = 64,
    name: str = "rule_reward",
    unscored: float | None = None,
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
        unscored: What a completion gets that the judge did not answer about. None leaves it out of training only if
            every other reward function has None for it too: TRL (1.16) adds up what the others say, and None counts
            as 0 in that sum. Beside others, a number such as the mean of your rewards says what is meant.
        **model: How to reach the judge: `base_url`, `key_env`, `device`, … as a config file spells out a role.

    Raises:
        ConfigError: A number out of range, or an unknown or wrong value in `model`.
        PrinciplesError: No such file, or no rules in it.
        TemplateError: A template set that has no question for rules.
    """
    numbers = {"few_shots": few_shots, "min_mass": min_mass, "seed": seed, "concurrency": concurrency}
    checked(ScoreSettings, numbers, "")
    check_unscored("rule_reward", unscored)
    role = checked(Role, {"model": judge, **model}, f"What can be said of the judge: {', '.join(Role.model_fields)}")
    settings = resolve(checked(ModelSettings, {"concurrency": concurrency}, ""), role)
    if isinstance(principles, PrincipleSet):
        rules = chosen_rules(principles, only, principles.name)
    else:
        rules = chosen_rules(load_file(str(principles)), only, str(find_principles(str(principles))))
    asked = load_rule_templates(templates, few_shots)
    return RuleReward(rules, settings, asked, seed, min_mass, name, unscored)


def check_unscored(function: str, unscored: float | None) -> None:
    """See that what completions without a reward get is a number, or None.

    Raises:
        ConfigError: It is neither.
    """
    if unscored is not None and not (isinstance(unscored, int | float) and math.isfinite(unscored)):
        raise ConfigError(f"{function}: unscored: {unscored!r} is no reward", "Give a number, or None.")


def checked(model: type[Checked], values: dict[str, Any], hint: str, function: str = "rule_reward") -> Checked:
    """Settings of these values, by the bounds that they have as flags; errors name the function that took them."""
    try:
        return model.model_validate(values)
    except ValidationError as bad:
        fault = bad.errors()[0]
        # pydantic's names for the forms of an address are no part of what was typed.
        where = ".".join(str(part) for part in fault["loc"] if part not in ("one", "several"))
        told = plainly(fault)
        # A judge's values may be secrets; numbers are none.
        if isinstance(fault["input"], int | float) and "found" not in told:
            told += f", not {fault['input']!r}"
        raise ConfigError(f"{function}: {where}: {told}", hint) from None
