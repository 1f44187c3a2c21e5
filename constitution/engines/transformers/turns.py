"""Requests to one model, worked off in turns on the one thread that all models share."""

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import torch

from constitution.engines.base import Usage
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.requests import Pending, settle
from constitution.errors import ModelError

AnyPending = TypeVar("AnyPending", bound=Pending)


class Turns(Generic[AnyPending]):
    """Takes requests from any thread, and gives each an answer or an error; subclasses do the `_work`.

    Args:
        loaded: The model.
        count: Most sequences at once.
        thread: The thread that loaded the model, on which others may run theirs: each takes one turn at a time.
    """

    def __init__(self, loaded: LoadedModel, count: int, thread: ThreadPoolExecutor) -> None:
        self._loaded = loaded
        self._device: torch.device = loaded.model.device
        self._count = count
        self._inbox: queue.SimpleQueue[AnyPending] = queue.SimpleQueue()
        # Every request that has no answer yet, wherever it is.
        self._open: set[AnyPending] = set()
        self._waiting: list[AnyPending] = []
        self._prompt_tokens = self._reused_tokens = self._completion_tokens = 0
        self._error: BaseException | None = None
        self._closed = False
        self._thread = thread
        self._lock = threading.Lock()
        self._turn_is_due = False

    @property
    def thread(self) -> ThreadPoolExecutor:
        """Where the model runs."""
        return self._thread

    @property
    def usage(self) -> Usage:
        """Counters since the start."""
        return Usage(
            prompt_tokens=self._prompt_tokens,
            reused_tokens=self._reused_tokens,
            completion_tokens=self._completion_tokens,
        )

    def submit(self, request: AnyPending) -> None:
        """Queue a request. Its future is set from the model's thread: to an error, if the model has stopped."""
        self._open.add(request)
        self._inbox.put(request)
        self._take_turn()

    def close(self) -> None:
        """Stop after the pass under way; blocks until then."""
        self._closed = True
        self._thread.submit(self._turn).result()

    def _work(self) -> None:
        """One turn's work."""
        raise NotImplementedError

    def _take_turn(self) -> None:
        """Have the thread take a turn, after those of others, unless that is arranged already."""
        with self._lock:
            if not self._turn_is_due:
                self._turn_is_due = True
                self._thread.submit(self._turn)

    @torch.inference_mode()
    def _turn(self) -> None:
        with self._lock:
            self._turn_is_due = False
        try:
            self._receive()
            if not (self._closed or self._error):
                self._work()
        except BaseException as bad:
            # Raised again where it is awaited: a bug must be seen, and must not leave callers waiting for ever.
            self._error = bad
            if _out_of_memory(bad):
                self._error = ModelError(
                    f"out of memory on {self._device} with {self._count} sequences at once",
                    "Lower --slots or --concurrency and run the same command again: nothing finished is lost.",
                )
        if self._closed or self._error:
            for request in list(self._open):
                self._finish(request, None, self._error or asyncio.CancelledError())
        if self._open:
            self._take_turn()

    def _receive(self) -> None:
        """Take in new requests, and let go of those whose callers gave up (a stopped run)."""
        while not self._inbox.empty():
            self._waiting.append(self._inbox.get())
        self._open -= {request for request in list(self._open) if request.future.cancelled()}
        self._waiting = [request for request in self._waiting if request in self._open]

    def _finish(self, request: AnyPending, result: Any, error: BaseException | None = None) -> None:
        self._open.discard(request)
        settle(request, result, error)


def _out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator has no exception of its own.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
