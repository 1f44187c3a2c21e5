"""Engines by name. Importing this package imports no backend."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from constitution.engines.base import Engine
from constitution.errors import ConfigError
from constitution.yamlfile import nearest

if TYPE_CHECKING:
    from constitution.config import Settings

# name → module:function; the function takes the settings and a chat template (Jinja source) or None.
ENGINES = {
    "transformers": "constitution.engines.transformers:open_engine",
    "scripted": "constitution.engines.scripted:open_engine",
}


def check_model(settings: "Settings") -> None:
    """Look whether the model that the settings name is there, as far as that is quickly told.

    Raises:
        ModelError: It is not.
        ConfigError: A scripted engine's rules are broken.
    """
    if settings.engine in ENGINES:
        module, _, _ = ENGINES[settings.engine].partition(":")
        import_module(module).check_model(settings)


def open_engine(settings: "Settings", chat_template: str | None = None) -> Engine:
    """Open the engine that the settings name, its own or one of the entry points `constitution.engines`.

    Raises:
        ConfigError: No engine has that name.
        ModelError: The model cannot be found or loaded.
    """
    third_party = {point.name: point for point in entry_points(group="constitution.engines")}
    if settings.engine in ENGINES:
        module, _, function = ENGINES[settings.engine].partition(":")
        opener = getattr(import_module(module), function)
    elif settings.engine in third_party:
        opener = third_party[settings.engine].load()
    else:
        known = ENGINES.keys() | third_party.keys()
        raise ConfigError(f"no engine called {settings.engine!r}; {nearest(settings.engine, known)}")
    engine: Engine = opener(settings, chat_template)
    return engine
