"""Engines by name. Importing this package imports no backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING

from constitution.digests import digest
from constitution.engines.base import Determinism, Engine
from constitution.errors import ConfigError, ModelError, first_line
from constitution.yamlfile import nearest

if TYPE_CHECKING:
    from constitution.model_settings import ModelSettings

GROUP = "constitution.engines"


@dataclass(frozen=True)
class BuiltIn:
    """An engine of this package.

    Attributes:
        module: Has `open_engine` and `check_model`; imported when it is opened.
        summary: What it is, in one line.
        determinism: What it promises (see `base.Engine`).
        needs: The package that does the work, if it is not this one.
        extra: The extra of this distribution that brings that package; empty if every installation has it.
        rewards: Whether it judges by rewards (see `base.Rewarding`).
    """

    module: str
    summary: str
    determinism: Determinism
    needs: str = ""
    extra: str = ""
    rewards: bool = False


ENGINES = {
    "transformers": BuiltIn(
        module="constitution.engines.transformers",
        summary="a Hub model, a folder or a .gguf file, in this process, on CPU or GPU",
        determinism="best effort",
        needs="transformers",
    ),
    "openai": BuiltIn(
        module="constitution.engines.openai",
        summary="any OpenAI-compatible server: vLLM, TGI, llama.cpp, Ollama, SGLang, a vendor's",
        determinism="best effort",
        needs="aiohttp",
    ),
    "vllm": BuiltIn(
        module="constitution.engines.vllm",
        summary="vLLM in this process, for large models on GPUs",
        determinism="best effort",
        needs="vllm",
        extra="vllm",
    ),
    "probe": BuiltIn(
        module="constitution.engines.probe",
        summary="a judge that gives rewards: a linear model on the hidden states of a model in this process",
        determinism="best effort",
        needs="transformers",
        rewards=True,
    ),
    "scripted": BuiltIn(
        module="constitution.engines.scripted",
        summary="no model: answers by rules, for dry runs and tests",
        determinism="exact",
    ),
}


def third_party() -> Mapping[str, EntryPoint]:
    """Engines of other distributions, by name: entry points of the group `constitution.engines` that name a module.

    A name that is taken stays with whoever has it: an engine of this package, else what comes first on the path.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name not in ENGINES:
            found.setdefault(point.name, point)
    return found


def engine_names() -> set[str]:
    """Every engine that is installed."""
    return ENGINES.keys() | third_party().keys()


def rewards(name: str) -> bool:
    """Whether an engine judges by rewards (see `base.Rewarding`), told without loading a model.

    Raises:
        ConfigError: Another distribution's engine cannot be imported.
    """
    if name in ENGINES:
        return ENGINES[name].rewards
    point = third_party().get(name)
    return point is not None and bool(getattr(load_third_party(point), "REWARDS", False))


def check_writes(settings: "ModelSettings", flag: str) -> None:
    """See that a model which is to write can: one that judges by rewards does not. No model is loaded for it.

    Args:
        settings: The model.
        flag: What names it.

    Raises:
        ConfigError: It judges by rewards, or another distribution's engine cannot be imported.
    """
    if rewards(settings.engine):
        raise ConfigError(
            f"{flag} {settings.engine}:{settings.model} writes nothing: it gives each response a reward",
            f"Name a model that answers with {flag}, such as smollm2, and this one with --judge, in compare or score.",
        )


async def check_model(settings: "ModelSettings") -> None:
    """Look whether the model that the settings name is there, as far as that is quickly told.

    Raises:
        ModelError: It is not.
        ConfigError: No engine has that name, it cannot be imported, or a scripted engine's rules are broken.
    """
    await _module(settings.engine).check_model(settings)


async def check_role(settings: "ModelSettings", role: str) -> None:
    """As `check_model`, for a model beside the generator: what it raises names the role and its flag."""
    try:
        await check_model(settings)
    except (ConfigError, ModelError) as bad:
        # A command that is spelt out has options of its own.
        hint = bad.hint if "constitution " in bad.hint else bad.hint.replace("--model", f"--{role}")
        raise type(bad)(f"the {role}: {bad.message}", hint) from None


async def open_engine(settings: "ModelSettings", chat_template: str | None = None) -> Engine:
    """Open the engine that the settings name, its own or one of the entry points `constitution.engines`.

    Args:
        settings: The model and how to reach it.
        chat_template: Jinja source that takes the place of the model's own chat template, or None.

    Raises:
        ConfigError: No engine has that name, or it cannot be imported.
        ModelError: The model cannot be found or loaded.
    """
    engine: Engine = await _module(settings.engine).open_engine(settings, chat_template)
    if chat_template is not None:
        written = f"chat template {digest(chat_template)}"
        detail = f"{engine.identity.detail}, {written}" if engine.identity.detail else written
        engine.identity = engine.identity.model_copy(update={"detail": detail})
    return engine


def load_third_party(point: EntryPoint) -> ModuleType:
    """Import another distribution's engine.

    Raises:
        ConfigError: It cannot be imported, or is no module with `open_engine` and `check_model`.
    """
    named = f"the engine {point.name!r} ({point.value}, of {distribution(point)})"
    try:
        module: ModuleType = point.load()
    except (Exception, SystemExit) as bad:
        # Another distribution's code may fail in any way that code can.
        raise ConfigError(
            f"{named} cannot be imported: {type(bad).__name__}: {first_line(bad)}",
            f"Install {distribution(point)} again with all that it needs, or ask its authors.",
        ) from None
    lacking = [part for part in ("open_engine", "check_model") if not callable(getattr(module, part, None))]
    if lacking:
        raise ConfigError(
            f"{named} has no function {' and no function '.join(lacking)}",
            f"An entry point of {GROUP} names a module that has both; its authors can mend that.",
        )
    return module


def distribution(point: EntryPoint) -> str:
    """Name and version of the distribution that an entry point comes from."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def _module(name: str) -> ModuleType:
    if name in ENGINES:
        return import_module(ENGINES[name].module)
    points = third_party()
    if name not in points:
        raise ConfigError(
            f"no engine called {name!r}; {nearest(name, engine_names())}", "See what is installed: constitution engines"
        )
    return load_third_party(points[name])
