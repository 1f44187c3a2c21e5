"""A probe as a reward function: what TRL's GRPO and RLOO trainers call with the completions that they sampled.

    from constitution import probe_reward
    GRPOTrainer(..., reward_funcs=[probe_reward("harmlessness-smollm2")])

As `rule_reward`, it opens its judge at the first call and keeps it open. The probe's model computes while the trainer
waits; one pass reads many completions, and those of one prompt share the reading of it.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from constitution.engines.base import Engine
from constitution.engines.probe import ProbeEngine, open_engine
from constitution.errors import CallError
from constitution.judge_thread import JudgeThread
from constitution.model_settings import ModelSettings, resolve
from constitution.probes.files import find_probe
from constitution.reward_turns import Conversation, Turns, read_turns
from constitution.rewarding import check_unscored, checked
from constitution.tasks import together

_log = logging.getLogger("constitution")


class ProbeReward:
    """A reward function. Build it with `probe_reward`.

    Attributes:
        __name__: What trainers call it in their logs.
    """

    def __init__(self, judge: ModelSettings, name: str, unscored: float | None = None) -> None:
        self.__name__ = name
        self._judge = judge
        self._unscored = unscored
        self._judging = JudgeThread(self._open, "probe reward")

    def __call__(
        self, prompts: Sequence[Conversation], completions: Sequence[Conversation], **columns: Any
    ) -> list[float | None]:
        """The reward of each completion in nats; `unscored` where there is none, as of an empty one.

        Args:
            prompts: As text or as messages; one for each completion.
            completions: As text or as messages. Of several messages, the assistant's last one is judged, and those
                before it are part of the conversation.
            **columns: What else the trainer hands over. Through TRL's `log_metric`, the share without a reward is
                logged.

        Raises:
            SourceError: A prompt or a completion is no conversation, or they are not as many.
            ConfigError: There is no such probe.
            ModelError: The probe's model cannot be opened, or is another one than it was fitted on.
        """
        turns = read_turns(prompts, completions)
        found = self._judging.run(lambda engine: self._rewards(turns, engine))
        log = columns.get("log_metric")
        if log and found:
            log(f"{self.__name__}/unscored", sum(1 for one in found if one is None) / len(found))
        return [self._unscored if one is None else one for one in found]

    def close(self) -> None:
        """Close the model and end the thread; the next call opens it again."""
        self._judging.close()

    async def _open(self) -> Engine:
        return await open_engine(self._judge)

    async def _rewards(self, turns: Sequence[Turns], engine: Engine) -> list[float | None]:
        assert isinstance(engine, ProbeEngine)
        free = asyncio.Semaphore(self._judge.concurrency)

        async def one(turn: Turns) -> float | None:
            async with free:
                try:
                    return (await engine.reward([*turn.prompt, *turn.before], turn.judged)).value
                except CallError as bad:
                    _log.warning("%s: a completion has no reward: %s", self.__name__, bad.message)
                    return None

        return await together([one(turn) for turn in turns])


def probe_reward(
    probe: str,
    *,
    concurrency: int = 64,
    device: str = "auto",
    name: str = "probe_reward",
    unscored: float | None = None,
) -> ProbeReward:
    """A reward function for TRL: the reward of a probe (see `constitution judge fit`), in nats.

    Args:
        probe: Its file, or the name of one that ships; `FILE@MODEL` says where its model is, if that has moved.
        concurrency: Completions that are read at once.
        device: Where its model runs; `auto` takes the first accelerator.
        name: What trainers call it in their logs.
        unscored: What a completion gets that cannot be read; see `rule_reward`.

    Raises:
        ConfigError: There is no such probe, or a number is out of range.
    """
    check_unscored("probe_reward", unscored)
    base = checked(ModelSettings, {"concurrency": concurrency, "device": device}, "", "probe_reward")
    judge = resolve(base, f"probe:{probe}")
    find_probe(judge.model)
    return ProbeReward(judge, name, unscored)
