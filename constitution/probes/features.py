"""Pooled hidden states of responses, kept on disk: a second fit, or another probe of the same model, reads them there.

A folder holds the states of one model, chat template and choice of layers, in files that are written once. Together the
folders take at most so many bytes: the files that were written first go first. Nothing but time hangs on them.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from constitution.digests import digest
from constitution.durable import make_folder, write_whole
from constitution.engines.base import Identity
from constitution.engines.bundled import cache_folder
from constitution.records import Message

# States of so many responses are written at once.
CHUNK = 256
# At 14 kB a response (three layers of the bundled model), 75,000 responses.
MOST_BYTES = 1 << 30
ENDING = ".safetensors"
States = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_log = logging.getLogger("constitution")


class Features(NamedTuple):
    """What a model makes of a response.

    Attributes:
        states: [layers, poolings, width].
        tokens: How many the model was given for it.
    """

    states: States
    tokens: int


class FeatureStore:
    """Features by response.

    Args:
        model: Whose states they are.
        chat_template: Jinja source that replaced the model's own, or None.
        layers: Which layers'.
        root: Where stores are; None is the user's cache folder.
    """

    def __init__(
        self, model: Identity, chat_template: str | None, layers: Sequence[int], root: Path | None = None
    ) -> None:
        self._root = (root or cache_folder()) / "features"
        self._folder = self._root / digest([model.model_dump(), chat_template, list(layers)])
        self._places: dict[str, tuple[Path, int]] = {}
        self._new: dict[str, Features] = {}
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            try:
                with safe_open(path, framework="numpy") as file:
                    keys = file.get_tensor("keys")
            except (OSError, SafetensorError):
                # Taken away by another process, or damaged: read anew.
                continue
            self._places |= {bytes(key).hex(): (path, place) for place, key in enumerate(keys)}

    def find(self, messages: Sequence[Message], response: str) -> Features | None:
        """What is kept of a response."""
        key = _key(messages, response)
        if key in self._new:
            return self._new[key]
        path, place = self._places.get(key, (None, 0))
        if path is None:
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                states = file.get_slice("states")[place : place + 1][0]
                tokens = int(file.get_slice("tokens")[place : place + 1][0])
        except (OSError, SafetensorError):
            del self._places[key]
            return None
        return Features(states, tokens)

    def add(self, messages: Sequence[Message], response: str, features: Features) -> None:
        """Keep what is known of a response; it is on the disk when enough have come, or on `flush`."""
        self._new[_key(messages, response)] = features
        if len(self._new) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what is new. A disk that does not take it costs time later, and nothing now."""
        if not self._new:
            return
        keys = list(self._new)
        path = self._folder / f"{digest(keys)}{ENDING}"
        tensors = {
            "keys": np.array([list(bytes.fromhex(key)) for key in keys], dtype=np.uint8),
            "tokens": np.array([one.tokens for one in self._new.values()], dtype=np.int64),
            "states": np.stack([one.states for one in self._new.values()]),
        }
        try:
            make_folder(self._folder)
            write_whole(path, save(tensors))
            self._tidy(path)
        except OSError as bad:
            _log.warning("%s: what was read of responses is not kept: %s", self._folder, bad.strerror)
        else:
            self._places |= {key: (path, place) for place, key in enumerate(keys)}
        self._new.clear()

    def _tidy(self, newest: Path) -> None:
        """Take away what was written first, until the rest is small enough."""
        files = sorted(self._root.glob(f"*/*{ENDING}"), key=lambda file: file.stat().st_mtime_ns)
        sizes = {file: file.stat().st_size for file in files}
        total = sum(sizes.values())
        for file in files:
            if total <= MOST_BYTES or file == newest:
                return
            file.unlink(missing_ok=True)
            total -= sizes[file]


def _key(messages: Sequence[Message], response: str) -> str:
    return digest([[message.model_dump() for message in messages], response.strip()])
