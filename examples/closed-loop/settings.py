"""What the loop is told: `loop.yaml`, and what the command line puts in its place."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from constitution.errors import ConfigError
from constitution.yamlfile import line_of, load_yaml, nearest, plainly

Count = Annotated[int, Field(ge=1)]
# One says nothing of how much they differ.
Several = Annotated[int, Field(ge=2)]
Temperature = Annotated[float, Field(ge=0, le=10)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Generating(_Section):
    """The SL stage's data.

    Attributes:
        rounds: Critique and revision rounds.
        max_tokens: Most tokens of an answer, of revisions and samples too.
        temperature: Of all but the RL stage's samples, which are drawn at 1.
        system: System prompt of every prompt, in training and measuring too; None is none. A small model that is asked
            to be brief ends its answers within the limit of tokens, which costs less and leaves the gates more.
        few_shots: Worked examples before each critique and revision; None is the template set's own number.
        gates: Set of quality gates of the exports.
    """

    rounds: Count = 1
    max_tokens: Count = 128
    temperature: Temperature = 0.7
    system: str | None = None
    few_shots: Annotated[int, Field(ge=0)] | None = None
    gates: str = "default"


class Judging(_Section):
    """The RL stage's data.

    Attributes:
        pairs: Human pairs that the judge is fitted on, at most.
        samples: Responses that are compared of each prompt.
        tie: A label nearer to one half is a tie, and trains nothing.
    """

    pairs: Count = 500
    samples: Annotated[int, Field(ge=2)] = 2
    tie: Annotated[float, Field(ge=0, lt=0.5)] = 0.02


class Training(_Section):
    """One trainer, in place of what its recipe says.

    Attributes:
        learning_rate: Its greatest.
        epochs: Passes over the rows.
        batch: Rows a step, in one device's memory at once.
        steps: Stop after so many steps; None is after all.
    """

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    epochs: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    batch: Count = 4
    accumulate: Count = 2
    steps: Count | None = None


class Evaluating(_Section):
    """What models are measured on.

    Attributes:
        harmless: Harmless prompts, of XSTest, at most.
        harmful: Harmful prompts of XSTest and of HarmBench, at most so many of each.
        max_tokens: Most tokens of an answer.
        pairs: Human pairs that the independent evaluator is fitted on, at most.
        held_out: Human pairs that the reward model is checked on, at most.
    """

    harmless: Several = 80
    harmful: Several = 60
    max_tokens: Count = 96
    pairs: Count = 1200
    held_out: Count = 100


class LoopSettings(_Section):
    """All of it.

    Attributes:
        model: The model to begin with: smollm2, a folder, a Hub id.
        pairs: hh-rlhf's harmless pairs.
        xstest: XSTest's prompts, as CSV.
        harmbench: HarmBench's behaviours, as CSV.
        prompts: Prompts that the data is made from.
        longest: Most characters of a conversation among them.
        again: Prompts of the second generation.
        device: auto, cpu, cuda, …
        diverged: A loss so many times that of the first step has diverged.
        seed: Of every draw.
    """

    model: str = "smollm2"
    pairs: str
    xstest: str
    harmbench: str
    prompts: Count = 160
    longest: Count = 600
    again: Several = 48
    device: str = "auto"
    diverged: Annotated[float, Field(gt=1)] = 2.0
    seed: Annotated[int, Field(ge=0)] = 0
    generate: Generating = Generating()
    judge: Judging = Judging()
    sft: Training
    reward: Training
    dpo: Training
    evaluate: Evaluating = Evaluating()


# Enough to see that every step works, on any machine, in minutes; the numbers that come out mean nothing.
TINY: dict[str, Any] = {
    "prompts": 6,
    "longest": 200,
    "again": 2,
    "generate": {"max_tokens": 16, "few_shots": 0, "gates": "none"},
    "judge": {"pairs": 60, "tie": 0.0},
    "evaluate": {"harmless": 2, "harmful": 2, "max_tokens": 8, "pairs": 200, "held_out": 4},
    # Of the first step the learning rate is still 0.
    **{name: {"batch": 2, "accumulate": 1, "steps": 2} for name in ("sft", "reward", "dpo")},
}


def load_settings(file: Path, given: dict[str, str], tiny: bool) -> LoopSettings:
    """Settings of a YAML file, with what the command line gives in their place.

    Raises:
        ConfigError: An unknown key or a value out of its range, with its line.
    """
    data = load_yaml(file, ConfigError)
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: holds no settings", "See examples/closed-loop/loop.yaml.")
    merged = {**data, **given}
    if tiny:
        merged |= {
            name: {**merged.get(name, {}), **value} if isinstance(value, dict) else value
            for name, value in TINY.items()
        }
    try:
        settings = LoopSettings.model_validate(merged)
    except ValidationError as bad:
        # A misspelt key is both unknown and missing.
        fault = min(bad.errors(), key=lambda one: one["type"] != "extra_forbidden")
        where = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = _known(fault["loc"][:-1])
            line = line_of(data, fault["loc"])
            raise ConfigError(
                f"{file}:{line}: unknown setting {where!r}; {nearest(str(fault['loc'][-1]), known)}"
            ) from None
        if fault["type"] == "missing":
            raise ConfigError(f"{file}: {where} is missing", f"Add it to the file, or give --{where}.") from None
        line = line_of(data, fault["loc"])
        raise ConfigError(f"{file}:{line}: {where}: {plainly(fault)}, not {fault['input']!r}") from None
    return settings


def _known(place: tuple[int | str, ...]) -> list[str]:
    model: Any = LoopSettings
    for name in place:
        model = model.model_fields[str(name)].annotation
    return list(model.model_fields)
