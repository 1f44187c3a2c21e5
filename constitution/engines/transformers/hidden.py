"""What a model makes of responses: hidden states of chosen layers, pooled over each response's tokens.

A pass holds whole sequences of about the same length, padded on the right, with at most so many tokens; the layers
after the last wanted one are not computed. Two responses to one conversation stand in one sequence, each seeing the
conversation and itself only, so that the conversation is read once.
"""

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch

from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.requests import Hidden, ReadRequest
from constitution.engines.transformers.turns import Turns
from constitution.errors import ModelError

# Most tokens in one pass, padding included; one sequence may have more. Larger passes leave a core's caches.
PASS_TOKENS = {"cpu": 512}
PASS_TOKENS_ELSEWHERE = 32768
# Responses that see the same conversation need a mask of this number squared: beyond it, each is read by itself.
LONGEST_SHARED = 2048
# So long, in seconds, a pass waits for more requests, unless so many are there: who asks about a response mostly asks
# about another one to the same conversation too.
LULL = 0.005
ENOUGH = 64
# What fills the shorter rows: any token will do, as a mask hides it.
PAD = 0


class _Enough(Exception):
    """Ends a pass: what was wanted of it is there."""


class Reader(Turns[ReadRequest]):
    """Reads responses for any number of callers.

    Args:
        loaded: The model.
        thread: The thread that loaded it.
        pads: Whether sequences of several lengths may be in one pass. Where not, each is in a pass of its own.

    Raises:
        ModelError: Its layers cannot be told apart, as an encoder-decoder's.
    """

    def __init__(self, loaded: LoadedModel, thread: ThreadPoolExecutor, pads: bool) -> None:
        super().__init__(loaded, 1, thread)
        self._layers = layers_of(loaded)
        self._pads = pads
        self._shares = pads and _sees_everything(loaded.model.config.get_text_config())

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self._layers)

    def _work(self) -> None:
        """One pass of the model."""
        while len(self._waiting) < ENOUGH:
            try:
                self._waiting.append(self._inbox.get(timeout=LULL))
            except queue.Empty:
                break
        rows = self._next_rows()
        if not rows:
            return
        found = self._read(rows)
        for row in rows:
            for request in row:
                self._waiting.remove(request)
                self._finish(request, found[request])

    def _next_rows(self) -> list[list[ReadRequest]]:
        """What the next pass reads: the oldest request, and those that are nearest to it in length."""
        rows = self._rows()
        if not rows:
            return []
        oldest = _length(rows[0])
        near = sorted(rows, key=lambda row: abs(_length(row) - oldest))
        room = PASS_TOKENS.get(self._device.type, PASS_TOKENS_ELSEWHERE)
        taken: list[list[ReadRequest]] = []
        longest = 0
        for row in near:
            longest = max(longest, _length(row))
            if taken and (not self._pads or longest * (len(taken) + 1) > room or row[0].layers != taken[0][0].layers):
                break
            taken.append(row)
        return taken

    def _rows(self) -> list[list[ReadRequest]]:
        """Waiting requests, the oldest first; those about one conversation together, as far as that pays."""
        rows: dict[object, list[ReadRequest]] = {}
        for request in self._waiting:
            key: object = (tuple(request.tokens), request.layers) if self._shares else request
            row = rows.get(key)
            if row and _length(row) + len(request.response) > LONGEST_SHARED:
                key, row = request, None
            rows[key] = [*(row or ()), request]
        # By their words, not by who asked first: a pair is read alike whichever response is named first.
        return [sorted(row, key=lambda request: request.response) for row in rows.values()]

    def _read(self, rows: Sequence[Sequence[ReadRequest]]) -> dict[ReadRequest, Hidden]:
        """Run the model over these rows, and pool."""
        columns = max(map(_length, rows))
        ids = torch.full((len(rows), columns), PAD)
        # Of each token, where it stands in its own sequence, and to which of its row's responses it belongs: 0 is the
        # conversation, which all of them see, and -1 padding, which sees itself only.
        places, parts = torch.zeros_like(ids), torch.full_like(ids, -1)
        spans: dict[ReadRequest, tuple[int, range]] = {}
        for number, row in enumerate(rows):
            start = len(row[0].tokens)
            ids[number, :start] = torch.tensor(row[0].tokens)
            places[number, :start] = torch.arange(start)
            parts[number, :start] = 0
            begin = start
            for part, request in enumerate(row, 1):
                span = range(begin, begin + len(request.response))
                ids[number, span.start : span.stop] = torch.tensor(request.response)
                places[number, span.start : span.stop] = torch.arange(start, start + len(span))
                parts[number, span.start : span.stop] = part
                spans[request] = number, span
                begin = span.stop
        given: dict[str, Any] = {}
        if any(len(row) > 1 for row in rows):
            given = {"position_ids": places, "attention_mask": _mask(parts, self._loaded.model.dtype)}
        elif len(rows) > 1:
            given = {"attention_mask": (parts >= 0).long()}
        pooled = self._pass(ids, given, rows[0][0].layers, list(spans.values()))
        answers: dict[ReadRequest, Hidden] = {}
        for place, request in enumerate(spans):
            # The conversation is counted for whoever it was read for first.
            row = rows[spans[request][0]]
            reused = len(request.tokens) if request is not row[0] else 0
            answers[request] = Hidden(pooled[place], len(request.tokens) + len(request.response), reused)
            self._prompt_tokens += answers[request].tokens
            self._reused_tokens += reused
        return answers

    def _pass(
        self, ids: torch.Tensor, given: dict[str, Any], layers: Sequence[int], spans: Sequence[tuple[int, range]]
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Pooled states, [spans, layers, 2, width]: the mean over the span, and its last token's."""
        found: dict[int, torch.Tensor] = {}

        def pool(layer: int, states: torch.Tensor) -> None:
            kept = []
            for row, span in spans:
                own = states[row, span.start : span.stop].float()
                kept.append(torch.stack([own.mean(dim=0), own[-1]]))
            found[layer] = torch.stack(kept)

        device = self._device
        moved = {name: value.to(device) for name, value in given.items()}
        with self._watched(layers, pool), suppress(_Enough):
            # Not the whole model: nobody wants the logits.
            self._loaded.model.base_model(input_ids=ids.to(device), use_cache=False, **moved)
        pooled = torch.stack([found[layer] for layer in layers], dim=1)
        result: np.ndarray[Any, np.dtype[np.float32]] = pooled.cpu().numpy()
        return result

    @contextmanager
    def _watched(self, layers: Sequence[int], pool: Any) -> Iterator[None]:
        """Within it, what these layers put out is pooled, and the pass ends after the last of them."""
        last = max(layers)

        def hook(layer: int) -> Any:
            def seen(_: Any, __: Any, output: Any) -> None:
                pool(layer, output[0] if isinstance(output, tuple) else output)
                if layer == last:
                    raise _Enough

            return seen

        hooks = [self._layers[layer - 1].register_forward_hook(hook(layer)) for layer in sorted(set(layers))]
        try:
            yield
        finally:
            for one in hooks:
                one.remove()


def layers_of(loaded: LoadedModel) -> Sequence[Any]:
    """A model's layers, first to last.

    Raises:
        ModelError: They cannot be told apart.
    """
    model = loaded.model
    depth = getattr(model.config.get_text_config(), "num_hidden_layers", 0)
    if not model.config.is_encoder_decoder:
        for part in model.modules():
            if isinstance(part, torch.nn.ModuleList) and len(part) == depth:
                return part
    raise ModelError(
        f"{loaded.identity.model}: its hidden states cannot be read; that takes a decoder with a list of layers",
        "Name a decoder, such as smollm2, or one of the Llama, Qwen or Gemma families.",
    )


def _sees_everything(config: Any) -> bool:
    """Whether each token of a model sees all tokens before it: a mask made here would hide none that it should not."""
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return not window and kinds <= {"full_attention"}


def _mask(parts: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to attention scores, [rows, 1, columns, columns]: 0 where a token sees another, else the least."""
    columns = parts.shape[1]
    before = torch.ones(columns, columns, dtype=torch.bool).tril()
    seen = before & ((parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None]))
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[:, None]


def _length(row: Sequence[ReadRequest]) -> int:
    return len(row[0].tokens) + sum(len(request.response) for request in row)
