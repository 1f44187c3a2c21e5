"""The loop that runs the model: schedule what is computed next, run it, deliver what is done.

One thread owns all models. Every pass of the model holds one token of each sequence that is answering, and as much of
waiting prompts as there is room for: sequences join and leave between any two passes, so nothing waits for the longest
answer of a batch, nor for a long prompt.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from constitution.engines.transformers.answers import ended
from constitution.engines.transformers.attention import BLOCK, Pass, Piece
from constitution.engines.transformers.memory import TYPICAL, Memory
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.placing import Place, by_length, place_for, worth_waiting_for
from constitution.engines.transformers.requests import ChooseRequest, GenerateRequest, Request
from constitution.engines.transformers.running import forward
from constitution.engines.transformers.sampling import sample
from constitution.engines.transformers.slots import Slots
from constitution.engines.transformers.turns import Turns
from constitution.errors import CallError
from constitution.records import Choice, Completion

# Most tokens in one pass: enough to fill the matrix units, little enough to bound its memory and to let sequences that
# are answering go on.
PASS_TOKENS = {"cpu": 1024}
PASS_TOKENS_ELSEWHERE = 8192
# Slots are put in order at most once in so many passes: that reads and writes all of them.
PASSES_BETWEEN_ORDERINGS = 24


class Batcher(Turns[Request]):
    """Runs one model for any number of callers.

    Args:
        loaded: The model.
        count: Most sequences at once.
        memory: What their keys and values may take.
        thread: The thread that loaded the model.
        reuse: Whether a prompt starts from keys and values that are at hand; off, to compare.
    """

    def __init__(
        self, loaded: LoadedModel, count: int, memory: Memory, thread: ThreadPoolExecutor, reuse: bool = True
    ) -> None:
        super().__init__(loaded, count, thread)
        self._slots = Slots(count)
        self._memory = memory
        self._reuse = reuse
        # Requests that have a slot, by slot.
        self._placed: dict[int, Request] = {}
        self._last_used = [0] * count
        self._clock = 0
        self._since_ordering = 0

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._device

    @property
    def promised(self) -> int:
        """Bytes that the slots will still take when they are as long as is usual."""
        columns = min(TYPICAL, self._loaded.context)
        return self._slots.count * max(0, columns - self._slots.capacity) * self._memory.bytes_per_token

    def close(self) -> None:
        """Stop after the pass under way; blocks until then."""
        super().close()
        self._slots = Slots(0)

    def _work(self) -> None:
        """One pass of the model."""
        self._placed = {slot: request for slot, request in self._placed.items() if request in self._open}
        self._admit()
        self._pass()

    # --- schedule

    def _admit(self) -> None:
        """Give waiting requests the free slots."""
        later: list[Request] = []
        for number, request in enumerate(self._waiting):
            if len(self._placed) >= self._slots.count or not self._make_room(request):
                later += self._waiting[number:]
                break
            if request not in self._open:
                continue
            held = self._slots.tokens
            free = sorted(set(range(self._slots.count)) - self._placed.keys(), key=self._last_used.__getitem__)
            slot, source, shared = place_for(request.tokens, held, free) if self._reuse else Place(free[0], free[0], 0)
            computing = [other.tokens for slot, other in self._placed.items() if len(held[slot]) < len(other.tokens)]
            if self._reuse and worth_waiting_for(request.tokens, shared, computing):
                later.append(request)
                continue
            request.slot, request.reused = slot, shared
            if slot == source:
                held[slot] = held[slot][:shared]
            else:
                self._slots.copy_prefix(source, slot, shared)
            self._placed[request.slot] = request
            self._prompt_tokens += len(request.tokens)
            self._reused_tokens += shared
        self._waiting = later

    def _make_room(self, request: Request) -> bool:
        """Whether slots are long enough for a request, after making them so if memory allows.

        Where memory holds fewer slots of that length, the request waits until so many sequences are done.
        """
        slots = self._slots
        if request.columns <= slots.capacity:
            return True
        # All at once, if there is room: growing copies everything.
        usual = min(TYPICAL, self._loaded.context)
        columns = usual if request.columns <= usual and self._memory.slots(usual) >= slots.count else request.columns
        fitting = min(slots.count, self._memory.slots(columns))
        if fitting < 1:
            self._finish(request, None, CallError(self._memory.too_long(request.columns)))
            return True
        if len(self._placed) >= fitting:
            return False
        if fitting < slots.count:
            self._reorder([*self._placed, *(slot for slot in range(slots.count) if slot not in self._placed)])
            del self._last_used[fitting:]
        slots.resize(fitting, columns)
        return True

    def _pieces(self) -> list[Piece]:
        """What the next pass computes: a token of each sequence that is answering, then as much of prompts as fits."""
        held = self._slots.tokens
        singles: list[Piece] = []
        spans: list[Piece] = []
        room = PASS_TOKENS.get(self._device.type, PASS_TOKENS_ELSEWHERE)
        for slot, request in sorted(self._placed.items()):
            if isinstance(request, GenerateRequest) and request.answer:
                singles.append(Piece(slot, len(held[slot]), [request.answer[-1]]))
        room -= len(singles)
        for slot, request in self._placed.items():
            left = request.tokens[len(held[slot]) :]
            if left and room > 0:
                piece = Piece(slot, len(held[slot]), left[:room])
                room -= len(piece.tokens)
                (singles if len(piece.tokens) == 1 else spans).append(piece)
        return [*sorted(singles, key=lambda piece: piece.slot), *spans]

    def _order(self) -> None:
        """Let neighbouring slots be equally long: attention reads a block of them up to its longest."""
        block = BLOCK.get(self._device.type)
        self._since_ordering += 1
        if block is None or self._since_ordering < PASSES_BETWEEN_ORDERINGS:
            return
        lengths = [len(held) if slot in self._placed else 0 for slot, held in enumerate(self._slots.tokens)]
        if order := by_length(lengths, block):
            self._reorder(order)
            self._since_ordering = 0

    def _reorder(self, order: list[int]) -> None:
        """Put slot `order[n]` in the place of slot n, and whatever is known of it."""
        self._slots.reorder(order)
        self._last_used = [self._last_used[slot] for slot in order]
        self._placed = {place: self._placed[slot] for place, slot in enumerate(order) if slot in self._placed}
        for slot, request in self._placed.items():
            request.slot = slot

    # --- run

    def _pass(self) -> None:
        """One pass of the model, and what comes of it."""
        self._order()
        pieces = self._pieces()
        if not pieces:
            return
        ends = []
        for number, piece in enumerate(pieces):
            if piece.end >= len(self._placed[piece.slot].tokens):
                ends.append(number)
        logits = self._forward(pieces, ends)
        if ends:
            self._deliver([self._placed[pieces[number].slot] for number in ends], logits)

    def _forward(self, pieces: Sequence[Piece], ends: Sequence[int]) -> torch.Tensor:
        """Logits after the last tokens of the pieces numbered `ends`, [ends, vocabulary]."""
        made = Pass(pieces, self._device)
        logits = forward(self._loaded.model, self._slots, made, [made.lasts[number] for number in ends])
        for piece in pieces:
            self._slots.tokens[piece.slot] += piece.tokens
        return logits

    # --- postprocess

    def _deliver(self, requests: Sequence[Request], logits: torch.Tensor) -> None:
        """Sample each answer's next token, and end what is complete."""
        answering = [n for n, request in enumerate(requests) if isinstance(request, GenerateRequest)]
        for request, row in zip(requests, logits, strict=True):
            if isinstance(request, ChooseRequest):
                self._release(request, self._weigh(request, row))
        if not answering:
            return
        asked = [request for request in requests if isinstance(request, GenerateRequest)]
        rows = logits if len(answering) == len(requests) else logits[answering]
        tokens = sample(rows, [request.sampling for request in asked], [request.random for request in asked])
        self._completion_tokens += len(tokens)
        for request, token in zip(asked, tokens, strict=True):
            request.answer.append(token)
            if completion := ended(request, self._loaded):
                self._release(request, completion)

    def _weigh(self, request: ChooseRequest, logits: torch.Tensor) -> Choice:
        """Log-probability of each option, in nats; `logits` are those after the prompt, [vocabulary]."""
        first = torch.log_softmax(logits.float(), dim=-1)
        weights = []
        for target in request.targets:
            weight = first[target[0]].item()
            for place in range(1, len(target)):
                start = len(request.tokens) + place - 1
                rest = self._forward([Piece(request.slot, start, [target[place - 1]])], [0])[0]
                weight += torch.log_softmax(rest.float(), dim=-1)[target[place]].item()
            del self._slots.tokens[request.slot][len(request.tokens) :]
            weights.append(weight)
        return Choice(logprobs=tuple(weights), prompt_tokens=len(request.tokens), reused_tokens=request.reused)

    def _release(self, request: Request, result: Completion | Choice) -> None:
        """Answer a request; its slot is free, and remembers."""
        self._clock += 1
        self._last_used[request.slot] = self._clock
        del self._placed[request.slot]
        self._finish(request, result)
