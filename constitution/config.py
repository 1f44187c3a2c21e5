"""Settings of a run: a YAML file, overridden by flags, checked once, then frozen."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from constitution.cluster_settings import NAMES as CLUSTER
from constitution.cluster_settings import (
    ClusterSettings,
    CpusPerReplica,
    GpusPerReplica,
    MaxReplicas,
    RayAddress,
    Replicas,
)
from constitution.config_faults import validated
from constitution.errors import ConfigError
from constitution.model_settings import (
    REACH,
    Addresses,
    AnyRole,
    Api,
    ControlTokens,
    Dtype,
    ModelSettings,
    split_engine,
)
from constitution.remote.addresses import masked
from constitution.settings_help import COMPARE_HELP, HELP
from constitution.shards import PATTERN, Shard
from constitution.yamlfile import kind_of, line_of, load_yaml, nearest

# What a run may spend.
CAPS = frozenset({"max_tokens_total", "max_cost", "prices"})
# Settings that move a run along without changing a row, or that only point to what does: the content of prompts,
# principles and templates and the identity of the model are part of a run's own identity instead (see `generation.py`).
KNOBS = (
    frozenset(
        {"out", "attempts", "prompts", "principles", "templates", "model", "critic", "judge", "compare", *CLUSTER}
    )
    | REACH
    | CAPS
)
# Likewise of a comparison; what it takes from the run unless told otherwise is resolved in `labelling_plan.py`.
COMPARE_KNOBS = frozenset(
    {
        *("concurrency", "device", "slots", "base_url", "attempts", "file", "limit"),
        *("principles", "templates", "models", "judge", "engine", "dtype"),
        # It stands for two others, which do affect labels.
        "best_of",
        *CAPS,
    }
)

NAME_OR_NAMES = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    "description": HELP["column"],
}

# A URL may hold a key: what is written down of it is masked.
MASKED = PlainSerializer(masked, return_type=str, when_used="json-unless-none")


def _setting(name: str, **rule: Any) -> Any:
    return Field(description=HELP[name], **rule)


def _compare_setting(name: str, **rule: Any) -> Any:
    return Field(description=COMPARE_HELP[name], **rule)


class CompareSettings(BaseModel):
    """Everything that `constitution compare` can be told. Each field is a flag, and a key of the file's `compare`.

    None is what the run itself was made with.

    Departures from Bai et al. 2022, section 4.1: each pair is judged in both orders and under several principles (the
    paper judges once, under one); four chains of thought are averaged before the clamp (the paper has one).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    pairs: Annotated[Literal["samples", "revisions", "file"], _compare_setting("pairs")] = "samples"
    best_of: Annotated[int | None, _compare_setting("best_of", ge=2, le=1000)] = None
    samples: Annotated[int, _compare_setting("samples", ge=2, le=1000)] = 2
    match: Annotated[Literal["all", "best-worst"], _compare_setting("match")] = "all"
    between: Annotated[str, _compare_setting("between", pattern=r"^((\d+|last):(\d+|last)|all)$")] = "0:last"
    file: Annotated[str | None, _compare_setting("file"), MASKED] = None
    limit: Annotated[int | None, _compare_setting("limit", ge=1)] = None
    models: Annotated[tuple[AnyRole, ...], _compare_setting("models")] = ()
    temperature: Annotated[float, _compare_setting("temperature", ge=0, le=10)] = 1.0
    top_p: Annotated[float, _compare_setting("top_p", gt=0, le=1)] = 1.0
    top_k: Annotated[int, _compare_setting("top_k", ge=0)] = 0
    min_p: Annotated[float, _compare_setting("min_p", ge=0, le=1)] = 0.0
    max_tokens: Annotated[int, _compare_setting("max_tokens", ge=1)] = 256

    judge: Annotated[AnyRole | None, _compare_setting("judge")] = None
    engine: Annotated[str | None, _compare_setting("engine", min_length=1)] = None
    base_url: Annotated[Addresses | None, _compare_setting("base_url", repr=False)] = None
    principles: Annotated[str | None, _compare_setting("principles", min_length=1)] = None
    principles_per_pair: Annotated[int, _compare_setting("principles_per_pair", ge=1, le=1000)] = 4
    templates: Annotated[str | None, _compare_setting("templates", min_length=1)] = None
    few_shots: Annotated[int | None, _compare_setting("few_shots", ge=0)] = None
    calibrate: Annotated[Literal["none", "contextual"], _compare_setting("calibrate")] = "none"
    cot: Annotated[bool, _compare_setting("cot")] = False
    cot_samples: Annotated[int, _compare_setting("cot_samples", ge=1, le=1000)] = 4
    cot_verdict: Annotated[Literal["choose", "marker"], _compare_setting("cot_verdict")] = "choose"
    cot_tokens: Annotated[int, _compare_setting("cot_tokens", ge=1)] = 256
    cot_temperature: Annotated[float, _compare_setting("cot_temperature", ge=0, le=10)] = 1.0
    clamp: Annotated[str, _compare_setting("clamp", pattern=r"^(0?\.\d+:0?\.\d+|none)$")] = "0.4:0.6"
    tie: Annotated[float, _compare_setting("tie", ge=0, lt=0.5)] = 0.01
    order_gap: Annotated[float, _compare_setting("order_gap", ge=0, le=1)] = 0.5
    min_mass: Annotated[float, _compare_setting("min_mass", ge=0, le=1)] = 0.001

    seed: Annotated[int, _compare_setting("seed", ge=0)] = 0
    attempts: Annotated[int, _compare_setting("attempts", ge=1, le=100)] = 3
    concurrency: Annotated[int | None, _compare_setting("concurrency", ge=1)] = None
    dtype: Annotated[Dtype | None, _compare_setting("dtype")] = None
    device: Annotated[str | None, _compare_setting("device")] = None
    slots: Annotated[int | None, _compare_setting("slots", ge=1)] = None
    max_tokens_total: Annotated[int | None, _compare_setting("max_tokens_total", ge=1)] = None
    max_cost: Annotated[float | None, _compare_setting("max_cost", gt=0, allow_inf_nan=False)] = None
    prices: Annotated[str | None, _compare_setting("prices", min_length=1)] = None

    @model_validator(mode="after")
    def _best_of_is_a_short_name(self) -> Self:
        meant = {"samples": self.best_of, "match": "best-worst"} if self.best_of else {}
        for name, value in meant.items():
            if name in self.model_fields_set and (other := getattr(self, name)) != value:
                rule = "--best-of N is --samples N --match best-worst"
                raise ValueError(f"--best-of {self.best_of} with --{name} {other}: {rule}")
            # Not through the model, which is frozen: nobody has it yet.
            object.__setattr__(self, name, value)
        return self

    @field_validator("clamp")
    @classmethod
    def _low_is_below_high(cls, clamp: str) -> str:
        if clamp != "none" and not float.__lt__(*map(float, clamp.split(":"))):
            raise ValueError("LOW must be below HIGH")
        return clamp


class Settings(BaseModel):
    """Everything that `constitution generate` can be told. Each field is a key of the file and a flag.

    Departures from Bai et al. 2022, to suit the small model that ships: two rounds (the paper has four), answers cut
    at 256 tokens, temperature 0.7 (the paper's samples are drawn at 1). Draws with replacement are the paper's.
    """

    # Strict: `rounds: true` is a slip, not a 1.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    prompts: Annotated[str, _setting("prompts", min_length=1), MASKED]
    out: Annotated[str, _setting("out", min_length=1)]
    # A file may name one column without a list.
    column: Annotated[tuple[str, ...], _setting("column"), WithJsonSchema(NAME_OR_NAMES)] = ()
    id_column: Annotated[str, _setting("id_column")] = "id"
    split: Annotated[str, _setting("split")] = "train"
    subset: Annotated[str | None, _setting("subset")] = None
    skip: Annotated[int, _setting("skip", ge=0)] = 0
    limit: Annotated[int | None, _setting("limit", ge=1)] = None
    shard: Annotated[str | None, _setting("shard", pattern=PATTERN)] = None

    principles: Annotated[str, _setting("principles", min_length=1)] = "harmlessness"
    replacement: Annotated[bool, _setting("replacement")] = True
    templates: Annotated[str, _setting("templates", min_length=1)] = "chat"
    few_shots: Annotated[int | None, _setting("few_shots", ge=0)] = None
    system_prompt: Annotated[str | None, _setting("system_prompt")] = None
    rounds: Annotated[int, _setting("rounds", ge=1, le=100)] = 2
    critique: Annotated[bool, _setting("critique")] = True
    best_of: Annotated[int | None, _setting("best_of", ge=2, le=1000)] = None

    engine: Annotated[str, _setting("engine", min_length=1)] = "transformers"
    model: Annotated[str, _setting("model", min_length=1)] = "smollm2"
    critic: Annotated[AnyRole | None, _setting("critic")] = None
    judge: Annotated[AnyRole | None, _setting("judge")] = None
    revision: Annotated[str | None, _setting("revision")] = None
    dtype: Annotated[Dtype, _setting("dtype")] = "auto"
    device: Annotated[str, _setting("device")] = "auto"
    slots: Annotated[int | None, _setting("slots", ge=1)] = None
    base_url: Annotated[Addresses | None, _setting("base_url", repr=False)] = None
    api: Annotated[Api, _setting("api")] = "chat"
    key_env: Annotated[str, _setting("key_env", min_length=1)] = "OPENAI_API_KEY"
    key_file: Annotated[str | None, _setting("key_file", min_length=1)] = None
    timeout: Annotated[float, _setting("timeout", gt=0, allow_inf_nan=False)] = 600.0
    control_tokens: Annotated[ControlTokens, _setting("control_tokens")] = "escape"
    votes: Annotated[int, _setting("votes", ge=1, le=1000)] = 8
    max_tokens: Annotated[int, _setting("max_tokens", ge=1)] = 256
    temperature: Annotated[float, _setting("temperature", ge=0, le=10)] = 0.7
    top_p: Annotated[float, _setting("top_p", gt=0, le=1)] = 1.0
    top_k: Annotated[int, _setting("top_k", ge=0)] = 0
    min_p: Annotated[float, _setting("min_p", ge=0, le=1)] = 0.0
    seed: Annotated[int, _setting("seed", ge=0)] = 0
    attempts: Annotated[int, _setting("attempts", ge=1, le=100)] = 3
    concurrency: Annotated[int, _setting("concurrency", ge=1)] = 64
    max_tokens_total: Annotated[int | None, _setting("max_tokens_total", ge=1)] = None
    max_cost: Annotated[float | None, _setting("max_cost", gt=0, allow_inf_nan=False)] = None
    prices: Annotated[str | None, _setting("prices", min_length=1)] = None
    compare: Annotated[CompareSettings | None, _setting("compare")] = None
    ray: RayAddress = None
    replicas: Replicas = None
    max_replicas: MaxReplicas = None
    gpus_per_replica: GpusPerReplica = None
    cpus_per_replica: CpusPerReplica = None

    @field_validator("shard")
    @classmethod
    def _is_one_of_them(cls, shard: str | None) -> str | None:
        part = Shard.parse(shard)
        if part.number > part.of:
            raise ValueError(f"there is no shard {part.number} of {part.of}")
        return shard

    @property
    def generator(self) -> ModelSettings:
        """The model that answers and revises, and how to reach it."""
        engine, model = split_engine(self.model)
        given = {name: getattr(self, name) for name in ModelSettings.model_fields}
        return ModelSettings(**given | {"model": model, "engine": engine or self.engine})

    @property
    def cluster(self) -> ClusterSettings:
        """Who runs the rows."""
        return ClusterSettings(**{name: getattr(self, name) for name in CLUSTER})

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
    merged["column"] = _as_tuple(merged.get("column", ()))
    # --compare, --no-compare: whether there is a second stage; the file's section says what it does.
    merged["compare"] = load_compare_settings(file, {}) if merged.get("compare") not in (None, False) else None
    return validated(Settings, merged, flags, HELP, file, data)


def load_compare_settings(file: Path | None, flags: dict[str, Any]) -> CompareSettings:
    """Settings of a comparison: from the section `compare` of an optional YAML file, and flags, which win.

    Raises:
        ConfigError: An unknown key (with the nearest valid one), or a value out of range.
    """
    data = read_file(file) if file else {}
    # `compare: true` is a section without settings.
    section = {} if isinstance(data.get("compare"), bool | None) else data["compare"]
    if not isinstance(section, dict):
        where = f"{file}:{line_of(data, ('compare',))}"
        raise ConfigError(f"{where}: compare: expected settings, found {kind_of(section)}", HELP["compare"])
    fields = CompareSettings.model_fields
    for key in section:
        if key not in fields:
            where = f"{file}:{line_of(data, ('compare', key))}"
            raise ConfigError(f"{where}: unknown setting {key!r}; {nearest(str(key), fields)}")
    merged = {**section, **flags}
    merged["models"] = _as_tuple(merged.get("models", ()))
    return validated(CompareSettings, merged, flags, COMPARE_HELP, file, data, ("compare",))


def _as_tuple(value: Any) -> Any:
    """One name or one model spelt out, or a list of them; anything else is left for the check."""
    return (value,) if isinstance(value, str | dict) else tuple(value) if isinstance(value, list) else value


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
