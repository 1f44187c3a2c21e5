"""Settings of a run: a YAML file, overridden by flags, checked once, then frozen."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from constitution.errors import ConfigError
from constitution.settings_help import HELP
from constitution.yamlfile import kind_of, line_of, load_yaml, nearest, plainly

# Settings that move a run along without changing a row, or that only point to what does: the content of prompts,
# principles and templates and the identity of the model are part of a run's own identity instead (see `runner.py`).
KNOBS = frozenset({"out", "concurrency", "device", "attempts", "prompts", "principles", "templates", "model"})


NAME_OR_NAMES = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    "description": HELP["column"],
}


def _setting(name: str, **rule: Any) -> Any:
    return Field(description=HELP[name], **rule)


class Settings(BaseModel):
    """Everything that `constitution generate` can be told. Each field is a key of the file and a flag.

    Departures from Bai et al. 2022, to suit the small model that ships: two rounds (the paper has four), answers cut
    at 256 tokens, temperature 0.7 (the paper's samples are drawn at 1). Draws with replacement are the paper's.
    """

    # Strict: `rounds: true` is a slip, not a 1.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    prompts: Annotated[str, _setting("prompts", min_length=1)]
    out: Annotated[str, _setting("out", min_length=1)]
    # A file may name one column without a list.
    column: Annotated[tuple[str, ...], _setting("column"), WithJsonSchema(NAME_OR_NAMES)] = ()
    id_column: Annotated[str, _setting("id_column")] = "id"
    split: Annotated[str, _setting("split")] = "train"
    subset: Annotated[str | None, _setting("subset")] = None
    skip: Annotated[int, _setting("skip", ge=0)] = 0
    limit: Annotated[int | None, _setting("limit", ge=1)] = None

    principles: Annotated[str, _setting("principles", min_length=1)] = "harmlessness"
    replacement: Annotated[bool, _setting("replacement")] = True
    templates: Annotated[str, _setting("templates", min_length=1)] = "chat"
    few_shots: Annotated[int | None, _setting("few_shots", ge=0)] = None
    system_prompt: Annotated[str | None, _setting("system_prompt")] = None
    rounds: Annotated[int, _setting("rounds", ge=1, le=100)] = 2
    critique: Annotated[bool, _setting("critique")] = True

    engine: Annotated[str, _setting("engine", min_length=1)] = "transformers"
    model: Annotated[str, _setting("model")] = "smollm2"
    revision: Annotated[str | None, _setting("revision")] = None
    dtype: Annotated[Literal["auto", "bfloat16", "float16", "float32"], _setting("dtype")] = "auto"
    device: Annotated[str, _setting("device")] = "auto"
    max_tokens: Annotated[int, _setting("max_tokens", ge=1)] = 256
    temperature: Annotated[float, _setting("temperature", ge=0, le=10)] = 0.7
    top_p: Annotated[float, _setting("top_p", gt=0, le=1)] = 1.0
    seed: Annotated[int, _setting("seed", ge=0)] = 0
    attempts: Annotated[int, _setting("attempts", ge=1, le=100)] = 3
    concurrency: Annotated[int, _setting("concurrency", ge=1)] = 64

    def affecting(self) -> dict[str, Any]:
        """The settings that change rows, by name: what a resumed run must match."""
        return self.model_dump(mode="json", exclude=set(KNOBS))


def load_settings(file: Path | None, flags: dict[str, Any]) -> Settings:
    """Settings from an optional YAML file and the flags that were given; flags win.

    Args:
        file: A YAML file of setting names and values, or None.
        flags: Values by setting name, only those that the user typed.

    Raises:
        ConfigError: An unknown key (with the nearest valid one), a value out of range, a missing setting.
    """
    for name in flags:
        if name not in Settings.model_fields:
            raise ConfigError(f"unknown setting {name!r}; {nearest(name, Settings.model_fields)}")
    data = read_file(file) if file else {}
    merged = {**data, **flags}
    column = merged.get("column")
    if isinstance(column, str | list):
        merged["column"] = (column,) if isinstance(column, str) else tuple(column)
    try:
        return Settings.model_validate(merged)
    except ValidationError as bad:
        fault = bad.errors()[0]
        name = str(fault["loc"][0])
        flag = f"--{name.replace('_', '-')}"
        if fault["type"] == "missing":
            raise ConfigError(f"{flag} is missing", HELP[name]) from None
        where = flag if name in flags or not file else f"{file}:{line_of(data, (name,))}: {name}"
        message = plainly(fault)
        found = "" if "found" in message else f", not {fault['input']!r}"
        raise ConfigError(f"{where}: {message}{found}", HELP[name]) from None


def read_file(file: Path) -> dict[str, Any]:
    """The keys and values of a config file, its keys checked.

    Raises:
        ConfigError: Not keys and values, or an unknown key.
    """
    data = load_yaml(file, ConfigError)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{file}:1: expected settings as `name: value` lines, found {kind_of(data)}")
    for key in data:
        if key not in Settings.model_fields:
            fields = Settings.model_fields
            raise ConfigError(f"{file}:{line_of(data, (key,))}: unknown setting {key!r}; {nearest(str(key), fields)}")
    return data
