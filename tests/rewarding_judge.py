"""A judge that rewards, without a model: another distribution's engine, whose rewards stand in the texts."""

from pathlib import Path

import pytest
from plugging import plug, put_on_path

# `worth 1.5` in a response is its reward; `hang up` fails; `endless` is worth no finite number.
VALUED = '''"""Rewards that stand in the texts."""

import math
import re

from constitution.engines.scripted import ScriptedEngine, check_model
from constitution.errors import CallError
from constitution.records import Reward

REWARDS = True


class Valued(ScriptedEngine):
    async def reward(self, messages, response):
        if "hang up" in response:
            raise CallError("hung up")
        value = math.inf if "endless" in response else float(re.search(r"worth (-?[\\d.]+)", response)[1])
        return Reward(value=value, prompt_tokens=self.count(messages) + len(response.split()))


async def open_engine(settings, chat_template=None):
    engine = Valued(name="valued")
    engine.identity = engine.identity.model_copy(update={"engine": "valued"})
    return engine
'''


def put_judge_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the engine for this process and those that it starts; how `--judge` names it."""
    folder.mkdir()
    plug(folder, "valued", VALUED)
    put_on_path(folder, monkeypatch)
    return "valued:scripted"
