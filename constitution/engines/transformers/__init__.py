"""The engine that runs a language model in this process, with transformers.

model.py      find and load a model: Hub id, folder, .gguf file, or the one that ships beside the program
kinds.py      which kinds of model there are
no_code.py    models are data: what asks for code is refused
encoding.py   conversation → tokens, so that row text never becomes a control token
chat_template.py   conversation → text, of which it stays known what a row wrote
batcher.py    the loop: schedule, run, deliver
placing.py    which slot a request gets
slots.py      keys and values of many sequences in one preallocated buffer
attention.py  attention over slots, many sequences packed into one pass
running.py    one pass of the model; whether a model is of the kind that can be batched so
packing.py    weights laid out for the CPU's matrix units
memory.py     how many slots there is room for
sampling.py   next tokens for a batch, each row by its own seed and settings
answers.py    when an answer has ended, and its text
plain.py      what cannot be batched so: `model.generate`, in static batches
hidden.py     hidden states of responses, for probes
turns.py      requests from any thread, worked off on the one that runs models
"""

import asyncio
import functools
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakSet

from constitution.engines.base import Determinism, Usage
from constitution.engines.number_formats import SLOW, bfloat16_slowness
from constitution.engines.transformers.batcher import Batcher
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.hidden import Reader
from constitution.engines.transformers.memory import TYPICAL, free_memory, keep_freed_memory
from constitution.engines.transformers.model import LoadedModel, find_model, load_model
from constitution.engines.transformers.packing import pack_linears
from constitution.engines.transformers.plain import PlainBatcher, memory_per_token
from constitution.engines.transformers.requests import ChooseRequest, GenerateRequest, Hidden, ReadRequest
from constitution.engines.transformers.running import Fitness, fitness
from constitution.errors import CallError, ConfigError, ContextOverflow
from constitution.printable import printable
from constitution.records import Choice, Completion, Message, Sampling

if TYPE_CHECKING:
    from constitution.model_settings import ModelSettings


class TransformersEngine:
    """Answers many conversations at once: each call joins the running batch as soon as a place is free.

    Args:
        loaded: The model.
        encoder: Its way to write conversations.
        batcher: What runs it.
    """

    # Batch shapes move the last bits of a logit, and with them, rarely, a sampled token.
    determinism: Determinism = "best effort"

    def __init__(self, loaded: LoadedModel, encoder: Encoder, batcher: Batcher | PlainBatcher) -> None:
        self.identity = loaded.identity
        self._loaded = loaded
        self._encoder = encoder
        self._batcher = batcher
        self._reader: Reader | None = None

    @property
    def usage(self) -> Usage:
        """Counters since the engine was opened."""
        return self._batcher.usage + (self._reader.usage if self._reader else Usage())

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """See `Engine.generate`."""
        tokens = self._encoder.encode(messages)
        self._check(len(tokens), sampling.max_tokens)
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._batcher.submit(GenerateRequest(tokens, future, sampling, seed))
        return await future

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """See `Engine.choose`."""
        tokens = self._encoder.encode(messages)
        targets = [self._encoder.encode_option(option) for option in options]
        self._check(len(tokens), max(len(target) for target in targets))
        future: asyncio.Future[Choice] = asyncio.get_running_loop().create_future()
        self._batcher.submit(ChooseRequest(tokens, future, targets))
        return await future

    def count(self, messages: Sequence[Message]) -> int:
        """Prompt tokens of a call."""
        return len(self._encoder.encode(messages))

    async def hidden(self, messages: Sequence[Message], response: str, layers: Sequence[int]) -> Hidden:
        """Pooled hidden states of a response (see `hidden.py`).

        Args:
            messages: The conversation that it answers, ending in a user turn.
            response: Read as the assistant's next turn.
            layers: Which layers' output, counted from 1.

        Raises:
            CallError: The response is empty, or the chat template refuses the conversation.
            ContextOverflow: Both do not fit the model's context.
            ModelError: The model is gone, or its layers cannot be told apart.
        """
        tokens, own = self._encoder.encode(messages), self._encoder.encode_response(response)
        if not own:
            raise CallError("the response is empty, so there is nothing to read")
        self._check(len(tokens), len(own))
        future: asyncio.Future[Hidden] = asyncio.get_running_loop().create_future()
        self._reading().submit(ReadRequest(tokens, own, tuple(layers), future))
        return await future

    @property
    def depth(self) -> int:
        """How many layers the model has.

        Raises:
            ModelError: They cannot be told apart.
        """
        return self._reading().depth

    def _reading(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._loaded, self._batcher.thread, isinstance(self._batcher, Batcher))
        return self._reader

    async def aclose(self) -> None:
        """Stop after the pass under way; unanswered calls are cancelled."""
        if self._reader:
            await asyncio.to_thread(self._reader.close)
        await asyncio.to_thread(self._batcher.close)

    def _check(self, prompt: int, answer: int) -> None:
        opening = len(self._loaded.opening)
        # An encoder-decoder has the prompt in one place and the answer in another.
        needed = max(prompt, opening + answer) if opening else prompt + answer
        if needed > self._loaded.context:
            raise ContextOverflow(needed, self._loaded.context)


# What holds or may yet take memory for keys and values.
_OPEN: WeakSet[Batcher] = WeakSet()


@functools.cache
def model_thread() -> ThreadPoolExecutor:
    """The one thread of this process that touches torch.

    With a second one, OpenMP has more threads than there are cores and puts them to sleep between any two operations,
    which makes each step two to three times as long on a CPU.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")


async def open_engine(
    settings: "ModelSettings", chat_template: str | None = None, reuse: bool = True
) -> TransformersEngine:
    """Load the model that the settings name.

    Args:
        settings: The model.
        chat_template: Jinja source that takes the place of the model's own, or None.
        reuse: Whether a prompt starts from keys and values that are at hand; off, to compare.

    Raises:
        ModelError: It cannot be found or loaded, or has no chat template and none is given.
        ConfigError: More slots than memory allows.
    """
    thread = model_thread()
    keep_freed_memory()
    loading = thread.submit(load_model, settings.model, settings.revision, settings.dtype, settings.device)
    loaded = await asyncio.wrap_future(loading)
    encoder = Encoder(loaded.tokenizer, chat_template, settings.model)
    fit = await asyncio.wrap_future(thread.submit(_prepare, loaded))
    if settings.dtype == "auto" and loaded.identity.detail == "bfloat16" and loaded.model.device.type == "cpu":
        slowness = await asyncio.wrap_future(thread.submit(bfloat16_slowness))
        if slowness >= SLOW:
            _say_once(_EMULATED)
    return TransformersEngine(loaded, encoder, _batcher(settings, loaded, fit, thread, reuse))


_EMULATED = (
    "this CPU is slow at bfloat16, the number format of --dtype auto here: --dtype float32 is faster, in twice the "
    "memory; a run that is begun goes on in its own format only"
)


def _prepare(loaded: LoadedModel) -> Fitness:
    pack_linears(loaded.model)
    return fitness(loaded.model)


def _batcher(
    settings: "ModelSettings", loaded: LoadedModel, fit: Fitness, thread: ThreadPoolExecutor, reuse: bool
) -> Batcher | PlainBatcher:
    """What runs a model, with as many sequences at once as memory allows."""
    per_token = fit.bytes_per_token or memory_per_token(loaded.model)
    promised = sum(batcher.promised for batcher in _OPEN if batcher.device == loaded.model.device)
    memory = free_memory(loaded.model.device, per_token, promised)
    expected = min(TYPICAL, loaded.context)
    fitting = memory.slots(expected)
    count = settings.slots or max(1, min(settings.concurrency, fitting))
    if settings.slots is not None and settings.slots > fitting:
        needed = settings.slots * expected * per_token
        raise ConfigError(
            f"{settings.slots} slots of {expected} tokens need {needed / 1e9:.1f} GB; "
            f"{memory.where} has {memory.room / 1e9:.1f} GB for keys and values: {fitting} fit",
            f"Give --slots {max(1, fitting)} or fewer, or leave it out.",
        )
    if fit.reason:
        _say_once(f"{settings.model}: {fit.reason}; it runs through model.generate, in static batches, which is slower")
        return PlainBatcher(loaded, count, thread)
    batcher = Batcher(loaded, count, memory, thread, reuse)
    _OPEN.add(batcher)
    return batcher


@functools.cache
def _say_once(message: str) -> None:
    """Tell whoever runs this process; on stderr, unless it has set up logging otherwise."""
    logging.getLogger("constitution").warning("%s", printable(message))


async def check_model(settings: "ModelSettings") -> None:
    """Find the model without loading it: its files, or on the Hub its configuration.

    Raises:
        ModelError: It is not there.
    """
    find_model(settings.model, settings.revision)
