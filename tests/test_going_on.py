"""The command that goes on with a run, as its manifest tells it."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from constitution.cli import app
from constitution.config import CompareSettings, Settings
from constitution.errors import RunError
from constitution.manifest import COMPARE, REVISE, SCORE, Stage, new_manifest
from constitution.model_settings import Role
from constitution.report.findings.going_on import MODELS, going_on
from constitution.score_settings import ScoreSettings

RUN = Path("outputs/first run")


def typed(stage: Stage, settings: Settings | CompareSettings | ScoreSettings, *more: str) -> str:
    manifest = new_manifest("0.1.0", "exact", 1, settings.model_dump(mode="json"), {})
    return going_on(RUN, stage, manifest, *more)


def test_every_setting_that_is_not_the_default_is_typed() -> None:
    settings = Settings(
        prompts="my prompts.jsonl",
        out="elsewhere",
        column=("question", "more"),
        rounds=3,
        critique=False,
        replacement=False,
        few_shots=0,
        system_prompt="Be kind.",
        critic="openai:big",
        temperature=0.25,
    )
    assert typed(REVISE, settings, "--retry-failed") == (
        "constitution generate --out 'outputs/first run' --prompts 'my prompts.jsonl' --column question --column more "
        "--no-replacement --few-shots 0 --system-prompt 'Be kind.' --rounds 3 --no-critique --critic openai:big "
        "--temperature 0.25 --retry-failed"
    )
    assert typed(COMPARE, CompareSettings(models=("a", "b"), cot=True, tie=0.0)) == (
        "constitution compare 'outputs/first run' --model a --model b --cot --tie 0.0"
    )
    assert typed(SCORE, ScoreSettings(only=("x", "y"), on="all")) == (
        "constitution score 'outputs/first run' --on all --only x --only y"
    )


def test_what_cannot_be_typed_is_left_to_the_file_and_what_is_masked_to_the_reader() -> None:
    spelt = Settings(prompts="p", out="o", critic=Role(model="big", base_url="http://b/v1"), compare=CompareSettings())
    assert typed(REVISE, spelt).endswith("--prompts p --config FILE")
    masked = Settings(prompts="p", out="o", base_url="http://b/v1?key=secret-1234")
    assert typed(REVISE, masked).endswith("--prompts p --base-url URL")
    several = Settings(prompts="p", out="o", base_url=("http://a/v1", "http://b/v1?key=secret-1234"))
    assert typed(REVISE, several).endswith("--prompts p --base-url http://a/v1 --base-url URL")


@pytest.mark.parametrize("stage", MODELS, ids=lambda stage: stage.make)
def test_each_setting_has_such_a_flag(stage: Stage) -> None:
    program: Any = typer.main.get_command(app)
    command = program.commands[stage.make]
    flags = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
    for name, field in MODELS[stage].model_fields.items():
        plain = {"models": "--model"}.get(name, f"--{name.replace('_', '-')}")
        assert f"--no-{name}" in flags if field.default is True else plain in flags, name


def test_a_manifest_of_another_version_is_refused() -> None:
    manifest = new_manifest("9.0", "exact", 1, {"prompts": "p", "out": "o", "nonsense": 1}, {})
    with pytest.raises(RunError, match="the settings in its manifest cannot be read: nonsense"):
        going_on(RUN, REVISE, manifest)
    assert shlex.split(typed(REVISE, Settings(prompts="p", out="o")))[3] == str(RUN)
