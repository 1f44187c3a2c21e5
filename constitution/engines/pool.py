"""Engines that are open: each model is loaded once, however many roles it plays."""

from collections.abc import Container
from types import TracebackType
from typing import Self

from constitution.engines import open_engine
from constitution.engines.base import Engine, Usage
from constitution.model_settings import Addresses, ModelSettings, unmasked


class Engines:
    """Opens engines and closes what is left at the end. Use it as an async context manager."""

    def __init__(self) -> None:
        self._open: dict[tuple[ModelSettings, str | None], Engine] = {}

    async def __aenter__(self) -> Self:
        """Nothing is open yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close all."""
        await self.close()

    async def open(self, settings: ModelSettings, chat_template: str | None) -> Engine:
        """The engine that runs this model; opened unless it is already.

        Raises:
            ConfigError: No such engine.
            ModelError: The model cannot be found or loaded.
        """
        key = settings, chat_template
        if key not in self._open:
            self._open[key] = await open_engine(settings, chat_template)
        return self._open[key]

    def whole(self, given: Addresses | None) -> Addresses | None:
        """Servers' addresses as they were given, where one that is open has it and here it is masked."""
        return unmasked(given, [settings for settings, _ in self._open])

    def usage(self) -> Usage:
        """The counters of all that are open."""
        return sum((engine.usage for engine in self._open.values()), Usage())

    async def close(self, but: Container[tuple[ModelSettings, str | None]] = ()) -> None:
        """Close all engines, or all but some: two models may be more than memory holds."""
        for key in [key for key in self._open if key not in but]:
            await self._open.pop(key).aclose()
