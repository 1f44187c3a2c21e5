"""One model and how to reach it: what an engine is opened with, and how roles (critic, judge) are named."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
)

from constitution.engines import engine_names
from constitution.masking import holds_user, masked_address
from constitution.settings_help import HELP

Dtype = Literal["auto", "bfloat16", "float16", "float32"]
Api = Literal["chat", "completions"]
ControlTokens = Literal["error", "escape", "keep"]
# Where a model runs and how it is asked, in any number format: never what it answers. A server's address refuses all
# the same, by the model's identity: nobody can tell what runs elsewhere.
REACH = frozenset({"device", "slots", "base_url", "key_env", "key_file", "timeout", "concurrency"})


def _setting(name: str, **rule: Any) -> Any:
    return Field(description=HELP[name], **rule)


def _without_user(address: str) -> str:
    if holds_user(address):
        raise ValueError("holds a user or a password (give a key with --key-env or --key-file; write another @ as %40)")
    return address


# A server's address. Its query may be a key: so nothing shows it, and in files it is masked.
Address = Annotated[
    str,
    Field(pattern=r"^https?://.+"),
    AfterValidator(_without_user),
    PlainSerializer(masked_address, return_type=str, when_used="json"),
]


def _as_given(value: Any) -> Any:
    """A list of one address is that address: then it reads, in files and manifests, as it always did."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 1 else tuple(value)
    return value


def _all_different(given: tuple[str, ...]) -> tuple[str, ...]:
    places = [_place(address) for address in given]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise ValueError(f"the address {masked_address(place)} is given twice (give each server once)")
        # What is written down of them could not be told apart, nor read again.
        if masked_address(place) in map(masked_address, places[:number]):
            raise ValueError(
                f"two addresses are {masked_address(place)} but for what is masked, which is never written down (give "
                "keys with --key-env or --key-file; tell servers apart by host, port or path)"
            )
    return given


def _place(address: str) -> str:
    """An address as it is compared: a / at the end of its path says nothing."""
    path, mark, query = address.partition("?")
    return f"{path.rstrip('/')}{mark}{query}"


# One server, or several that share the requests for one model (see `engines/openai/fleet.py`).
Addresses = Annotated[
    Annotated[Address, Tag("one")]
    | Annotated[tuple[Address, ...], Field(min_length=1), AfterValidator(_all_different), Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, list | tuple) else "one"),
    BeforeValidator(_as_given),
]


def each_address(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The addresses of a setting, whichever way it is given."""
    return (given,) if isinstance(given, str) else given or ()


class ModelSettings(BaseModel):
    """One model. Engines are given this and nothing else of a run's settings.

    Attributes:
        concurrency: Requests that may be in flight at once.
        The rest: as in `settings_help.HELP`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    engine: Annotated[str, _setting("engine", min_length=1)] = "transformers"
    model: Annotated[str, _setting("model", min_length=1)] = "smollm2"
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
    concurrency: Annotated[int, _setting("concurrency", ge=1)] = 64


def unmasked(given: Addresses | None, models: Iterable[ModelSettings]) -> Addresses | None:
    """Servers' addresses as they were given, where one of these models has it and here it is masked (`masking.py`)."""
    known = {masked_address(one): one for settings in models for one in each_address(settings.base_url)}
    if isinstance(given, tuple):
        return tuple(known.get(address, address) for address in given)
    return given if given is None else known.get(given, given)


class Role(BaseModel):
    """A model that plays a part, as a config file may spell it out; None is as the run's own model has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    model: Annotated[str, _setting("model", min_length=1)]
    engine: Annotated[str | None, _setting("engine", min_length=1)] = None
    revision: Annotated[str | None, _setting("revision")] = None
    dtype: Annotated[Dtype | None, _setting("dtype")] = None
    device: Annotated[str | None, _setting("device")] = None
    slots: Annotated[int | None, _setting("slots", ge=1)] = None
    base_url: Annotated[Addresses | None, _setting("base_url", repr=False)] = None
    api: Annotated[Api | None, _setting("api")] = None
    key_env: Annotated[str | None, _setting("key_env", min_length=1)] = None
    key_file: Annotated[str | None, _setting("key_file", min_length=1)] = None
    timeout: Annotated[float | None, _setting("timeout", gt=0, allow_inf_nan=False)] = None
    control_tokens: Annotated[ControlTokens | None, _setting("control_tokens")] = None
    votes: Annotated[int | None, _setting("votes", ge=1, le=1000)] = None
    concurrency: Annotated[int | None, _setting("concurrency", ge=1)] = None


# Who plays a part: a name, which may begin with its engine (`openai:NAME`) and end in `@REVISION`; or spelt out.
AnyRole = Annotated[str, Field(min_length=1)] | Role


def split_engine(name: str) -> tuple[str | None, str]:
    """A model's name without the engine that it may begin with, and that engine; Ollama's `llama3:8b` has none."""
    engine, colon, rest = name.partition(":")
    return (engine, rest) if colon and rest and engine in engine_names() else (None, name)


def resolve(base: ModelSettings, role: AnyRole) -> ModelSettings:
    """The model that plays a part.

    What the role leaves open is as `base` has it if both are run by the same engine, else that engine's defaults: a
    server's address says nothing of a model in this process.
    """
    given: dict[str, Any] = role.model_dump(exclude_none=True) if isinstance(role, Role) else {"model": role}
    name: str = given["model"]
    engine, name = split_engine(name)
    if engine:
        given.setdefault("engine", engine)
    if given.get("engine", base.engine) != base.engine:
        # A probe reads with a model in this process: where that is said to run, it does too.
        here = {base.engine, given["engine"]} == {"transformers", "probe"}
        base = ModelSettings(concurrency=base.concurrency, device=base.device if here else "auto")
    if "revision" not in given and name != base.model:
        # Servers' names for models may hold an @ of their own.
        known_by_revision = given.get("engine", base.engine) != "openai" and not Path(name).exists()
        plain, _, revision = name.partition("@") if known_by_revision else (name, "", "")
        name, given["revision"] = plain, revision or None
    return base.model_copy(update={**given, "model": name})


def models_of(generator: ModelSettings, *roles: AnyRole | None) -> list[ModelSettings]:
    """The generator, and those who play these parts; None is a part that nobody plays."""
    return [generator, *(resolve(generator, role) for role in roles if role)]


def engine_of(role: AnyRole) -> str | None:
    """The engine that a role names; None: it leaves that open."""
    return split_engine(role)[0] if isinstance(role, str) else role.engine or split_engine(role.model)[0]


def label_of(role: AnyRole) -> str:
    """What a role is called in manifests and messages."""
    if isinstance(role, str):
        return role
    return f"{role.engine}:{role.model}" if role.engine else role.model
