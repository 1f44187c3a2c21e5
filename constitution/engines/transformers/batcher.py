"""The loop that runs the model: admit what waits, step what runs, deliver what is done.

One thread owns the model. Sequences join and leave the batch between any two tokens, so nothing waits for the longest
answer of a batch.
"""

import asyncio
import queue
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from constitution.engines.base import Usage
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.placing import at_hand, closest, passes
from constitution.engines.transformers.requests import ChooseRequest, GenerateRequest, Request, settle
from constitution.engines.transformers.sampling import sample
from constitution.engines.transformers.slots import Slots
from constitution.errors import ModelError
from constitution.records import Completion, FinishReason

# Admit once this share of the slots has work waiting; a pass over one or two new rows costs nearly as much as one
# over many.
ADMIT_SHARE = 1 / 16
# ... or once a request has waited this many steps.
ADMIT_STEPS = 8


class Batcher:
    """Runs one model for any number of callers.

    Args:
        loaded: The model.
        count: Most sequences at once.
        thread: The thread that loaded the model.
    """

    def __init__(self, loaded: LoadedModel, count: int, thread: ThreadPoolExecutor) -> None:
        self._loaded = loaded
        self._slots = Slots(loaded.model, count)
        self._count = count
        self._inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        # Every request that has no answer yet, wherever it is.
        self._open: set[Request] = set()
        self._waiting: list[Request] = []
        self._running: dict[int, GenerateRequest] = {}
        self._patience = 0
        self._last_used = [0] * count
        self._clock = 0
        self._prompt_tokens = self._reused_tokens = self._completion_tokens = 0
        self._error: BaseException | None = None
        self._closed = self._dead = False
        self._serving = thread.submit(self._serve)

    @property
    def usage(self) -> Usage:
        """Counters since the start."""
        return Usage(
            prompt_tokens=self._prompt_tokens,
            reused_tokens=self._reused_tokens,
            completion_tokens=self._completion_tokens,
        )

    def submit(self, request: Request) -> None:
        """Queue a request. Its future is set from the model's thread: to an error, if the model has stopped."""
        self._open.add(request)
        self._inbox.put(request)
        if self._dead:
            self._fail_all()

    def close(self) -> None:
        """Stop after the step under way; blocks until then."""
        self._closed = True
        self._inbox.put(None)
        self._serving.result()

    @torch.inference_mode()
    def _serve(self) -> None:
        try:
            while self._receive():
                self._admit()
                self._step()
        except BaseException as bad:
            # Raised again where it is awaited: a bug must be seen, and must not leave callers waiting for ever.
            self._error = bad
            if _out_of_memory(bad):
                self._error = ModelError(
                    f"out of memory on {self._loaded.model.device} with {self._count} sequences at once",
                    "Lower --concurrency and run the same command again: nothing finished is lost.",
                )
        self._fail_all()

    def _receive(self) -> bool:
        """Take in new requests, waiting for one only if there is nothing to do. False when closed."""
        idle = not self._running and not self._waiting
        while True:
            try:
                request = self._inbox.get(block=idle)
            except queue.Empty:
                break
            idle = False
            if request is not None:
                self._waiting.append(request)
            if self._closed:
                return False
        # Callers that gave up (a stopped run) need no answer.
        self._open.difference_update([request for request in list(self._open) if request.future.cancelled()])
        self._waiting = [request for request in self._waiting if request in self._open]
        self._running = {slot: request for slot, request in self._running.items() if request in self._open}
        return True

    def _admit(self) -> None:
        """Give waiting requests the free slots and compute their prompts."""
        free = self._count - len(self._running)
        due = min(len(self._waiting), free)
        self._patience = self._patience + 1 if due else 0
        if not due or (due < max(1, self._count * ADMIT_SHARE) and self._running and self._patience < ADMIT_STEPS):
            return
        chosen = self._waiting[:free]
        del self._waiting[:free]
        # Whoever continues a slot's conversation gets it before a newcomer can take it.
        for request in sorted(chosen, key=lambda r: at_hand(r.tokens, self._slots.tokens), reverse=True):
            self._place(request, chosen)
        self._patience = 0
        for group in passes(chosen, self._slots.tokens):
            logits = self._prefill(group)
            for request, row in zip(group, logits, strict=True):
                if isinstance(request, ChooseRequest):
                    self._finish(request, self._weigh(request, row))
            answers = [n for n, request in enumerate(group) if isinstance(request, GenerateRequest)]
            if answers:
                self._extend([request for request in group if isinstance(request, GenerateRequest)], logits[answers])

    def _place(self, request: Request, beside: list[Request]) -> None:
        """Give a request a slot, with whatever keys and values of its prompt are at hand."""
        taken = self._running.keys() | {other.slot for other in beside}
        free = sorted(set(range(self._count)) - taken, key=self._last_used.__getitem__)
        source, shared = closest(request.tokens, self._slots.tokens, free)
        request.slot = source if source in free else free[0]
        self._slots.reserve(len(request.tokens))
        if request.slot != source:
            self._slots.copy_prefix(source, request.slot, shared)
        self._slots.tokens[request.slot] = request.tokens[:shared]
        self._prompt_tokens += len(request.tokens)
        self._reused_tokens += shared

    def _prefill(self, group: list[Request]) -> torch.Tensor:
        """Compute what is new of each prompt; logits of the next token, [requests, vocabulary]."""
        held = self._slots.tokens
        new = [request.tokens[len(held[request.slot]) :] for request in group]
        logits = self._forward([request.slot for request in group], new)[:, -1]
        for request in group:
            held[request.slot] = list(request.tokens)
            self._clock += 1
            self._last_used[request.slot] = self._clock
        return logits

    def _step(self) -> None:
        """One token for every running sequence."""
        if not self._running:
            return
        self._close_gaps()
        rows = range(max(self._running) + 1)
        held = self._slots.tokens
        self._slots.reserve(max(len(held[slot]) for slot in self._running) + 1)
        new = [[self._running[slot].answer[-1]] if slot in self._running else [] for slot in rows]
        logits = self._forward(rows, new)[:, -1]
        slots = sorted(self._running)
        for slot in slots:
            held[slot].append(self._running[slot].answer[-1])
        requests = [self._running.pop(slot) for slot in slots]
        self._extend(requests, logits if len(slots) == len(rows) else logits[slots])

    def _close_gaps(self) -> None:
        """Move sequences to the front once a quarter of the rows to compute would be idle."""
        while len(self._running) < (max(self._running) + 1) * 3 / 4:
            last = max(self._running)
            gap = next(slot for slot in range(last) if slot not in self._running)
            self._slots.swap(gap, last)
            self._last_used[gap], self._last_used[last] = self._last_used[last], self._last_used[gap]
            request = self._running.pop(last)
            request.slot = gap
            self._running[gap] = request

    def _forward(self, rows: range | list[int], new: list[list[int]], keep: int = 1) -> torch.Tensor:
        """One pass of the model; float logits of the last `keep` tokens of each row, [rows, keep, vocabulary]."""
        width = max(len(tokens) for tokens in new)
        starts = [len(self._slots.tokens[slot]) if tokens else 0 for slot, tokens in zip(rows, new, strict=True)]
        aimed = self._slots.aim(rows, starts, [len(tokens) for tokens in new])
        padded = torch.tensor([[0] * (width - len(tokens)) + tokens for tokens in new])
        output = self._loaded.model(
            input_ids=padded.to(self._loaded.model.device),
            past_key_values=self._slots,
            use_cache=True,
            logits_to_keep=keep,
            **aimed,
        )
        return output.logits[:, -keep:]

    def _extend(self, requests: list[GenerateRequest], logits: torch.Tensor) -> None:
        """Sample each request's next token; it runs on, or is delivered."""
        tokens = sample(
            logits,
            [request.sampling.temperature for request in requests],
            [request.sampling.top_p for request in requests],
            [request.random for request in requests],
        )
        self._completion_tokens += len(tokens)
        for request, token in zip(requests, tokens, strict=True):
            request.answer.append(token)
            if completion := self._ended(request):
                self._clock += 1
                self._last_used[request.slot] = self._clock
                self._finish(request, completion)
            else:
                self._running[request.slot] = request

    def _ended(self, request: GenerateRequest) -> Completion | None:
        """The completion, if the last token ended it: an end of turn, a stop string, or no room for more."""
        answer, stops = request.answer, request.sampling.stop
        reason: FinishReason = "stop"
        text = None
        if answer[-1] in self._loaded.ends:
            text = self._decode(answer[:-1])
        elif stops:
            # A stop string spans at most as many tokens as it has bytes, the one that completes it included.
            reach = max(len(stop.encode()) for stop in stops)
            tail = self._decode(answer[-reach:])
            if any(stop in tail for stop in stops):
                text = self._decode(answer)
        if text is None:
            if len(answer) < request.sampling.max_tokens:
                return None
            reason, text = "length", self._decode(answer)
        for stop in stops:
            text = text.split(stop)[0]
        return Completion(
            text=text.strip(),
            finish_reason=reason,
            prompt_tokens=len(request.tokens),
            completion_tokens=len(answer),
        )

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._loaded.tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def _weigh(self, request: ChooseRequest, logits: torch.Tensor) -> tuple[float, ...]:
        """Log-probability of each option, in nats; `logits` are those after the prompt, [vocabulary]."""
        first = torch.log_softmax(logits.float(), dim=-1)
        weights = []
        for target in request.targets:
            weight = first[target[0]].item()
            if len(target) > 1:
                self._slots.reserve(len(request.tokens) + len(target))
                inner = self._forward([request.slot], [target[:-1]], keep=len(target) - 1)[0]
                chances = torch.log_softmax(inner.float(), dim=-1)
                weight += sum(chances[place, token].item() for place, token in enumerate(target[1:]))
            weights.append(weight)
        return tuple(weights)

    def _fail_all(self) -> None:
        """Tell every caller that no answer will come. Also run by `submit` when it lost the race with the end."""
        self._dead = True
        for request in list(self._open):
            self._finish(request, None, self._error or asyncio.CancelledError())

    def _finish(self, request: Request, result: Any, error: BaseException | None = None) -> None:
        self._open.discard(request)
        settle(request, result, error)


def _out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator has no exception of its own.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
