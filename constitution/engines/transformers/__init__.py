"""The engine that runs a causal language model in this process, with transformers.

model.py      find and load a model: Hub id, folder, .gguf file, or the one that ships beside the program
encoding.py   conversation → tokens, so that row text never becomes a control token
slots.py      keys and values of many sequences in one preallocated buffer
sampling.py   next tokens for a batch, each row by its own seed and settings
batcher.py    the loop: admit, step, deliver
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from constitution.engines.base import Determinism, Usage
from constitution.engines.transformers.batcher import Batcher
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.model import LoadedModel, find_model, load_model
from constitution.engines.transformers.requests import ChooseRequest, GenerateRequest
from constitution.errors import ContextOverflow
from constitution.records import Completion, Message, Sampling

if TYPE_CHECKING:
    from constitution.config import Settings


class TransformersEngine:
    """Answers many conversations at once: each call joins the running batch as soon as a place is free.

    Args:
        loaded: The model.
        encoder: Its way to write conversations.
        slots: Most sequences in the batch.
        thread: One worker, the one that loaded the model. Whatever touches torch must stay on one thread: with a second
            one, OpenMP has more threads than there are cores and puts them to sleep between any two operations,
            which makes each step two to three times as long on a CPU.
    """

    # Batch shapes move the last bits of a logit, and with them, rarely, a sampled token.
    determinism: Determinism = "best effort"

    def __init__(self, loaded: LoadedModel, encoder: Encoder, slots: int, thread: ThreadPoolExecutor) -> None:
        self.identity = loaded.identity
        self._context = loaded.context
        self._encoder = encoder
        self._batcher = Batcher(loaded, slots, thread)

    @property
    def usage(self) -> Usage:
        """Counters since the engine was opened."""
        return self._batcher.usage

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """See `Engine.generate`."""
        tokens = self._encoder.encode(messages)
        self._check(len(tokens) + sampling.max_tokens)
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._batcher.submit(GenerateRequest(tokens, future, sampling, seed))
        return await future

    async def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """See `Engine.choose`."""
        tokens = self._encoder.encode(messages)
        targets = [self._encoder.encode_option(option) for option in options]
        self._check(len(tokens) + max(len(target) for target in targets))
        future: asyncio.Future[tuple[float, ...]] = asyncio.get_running_loop().create_future()
        self._batcher.submit(ChooseRequest(tokens, future, targets))
        return await future

    async def aclose(self) -> None:
        """Stop after the step under way; unanswered calls are cancelled."""
        await asyncio.to_thread(self._batcher.close)

    def _check(self, needed: int) -> None:
        if needed > self._context:
            raise ContextOverflow(needed, self._context)


def open_engine(settings: "Settings", chat_template: str | None = None) -> TransformersEngine:
    """Load the model that the settings name.

    Raises:
        ModelError: It cannot be found or loaded, or has no chat template and none is given.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
    loaded = thread.submit(load_model, settings.model, settings.revision, settings.dtype, settings.device).result()
    encoder = Encoder(loaded.tokenizer, chat_template, settings.model)
    return TransformersEngine(loaded, encoder, settings.concurrency, thread)


def check_model(settings: "Settings") -> None:
    """Find the model without loading it: its files, or on the Hub its configuration.

    Raises:
        ModelError: It is not there.
    """
    find_model(settings.model, settings.revision)
