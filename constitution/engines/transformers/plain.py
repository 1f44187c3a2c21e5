"""What the batcher cannot run: `model.generate`, in static batches.

Models whose layers keep another state than keys and values, whose attention is their own, and encoder-decoders. An
answer is delivered as soon as it has ended, but a new batch begins only when the longest one of the last has.
"""

import queue
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from constitution.engines.transformers.answers import ended
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.requests import ChooseRequest, GenerateRequest, Request
from constitution.engines.transformers.running import TOLERANCE, boundary
from constitution.engines.transformers.sampling import sample
from constitution.engines.transformers.turns import Turns
from constitution.records import Choice

# A batch begins once no caller has asked for anything this long, in seconds: many ask at once, and those that a batch
# has just answered ask again.
LULL = 0.05
# What fills the shorter rows: any token will do, as a mask hides it.
PAD = 0


def memory_per_token(model: Any) -> int:
    """Bytes of one token's keys and values, at most: as if no heads shared them, and both sides were equally long."""
    config = model.config.get_text_config(decoder=True)
    layers, size = getattr(config, "num_hidden_layers", 1), getattr(config, "hidden_size", 1)
    sides = 2 if model.config.is_encoder_decoder else 1
    return 2 * sides * layers * size * torch.empty(0, dtype=model.dtype).element_size()


class PlainBatcher(Turns[Request]):
    """Runs one model for any number of callers, as many of their requests at a time as are waiting.

    Args: as `Turns`.
    """

    def __init__(self, loaded: LoadedModel, count: int, thread: ThreadPoolExecutor) -> None:
        super().__init__(loaded, count, thread)
        self._probed = self._pads = False
        self._boundary = boundary(loaded.model.config.get_text_config(decoder=True))
        # Beams, penalties and the like are no settings of a request: no other engine applies a model's own.
        start = loaded.opening[0] if loaded.opening else None
        loaded.model.generation_config = GenerationConfig(decoder_start_token_id=start)

    def _work(self) -> None:
        """Run one batch to its end."""
        if not self._probed:
            self._probe()
        while len(self._waiting) < self._count:
            try:
                self._waiting.append(self._inbox.get(timeout=LULL))
            except queue.Empty:
                break
        batch = self._next_batch()
        self._prompt_tokens += sum(len(request.tokens) for request in batch)
        self._answer([request for request in batch if isinstance(request, GenerateRequest)])
        self._weigh([request for request in batch if isinstance(request, ChooseRequest)])

    def _next_batch(self) -> list[Request]:
        """The request that has waited longest, and those most like it in kind and length."""
        if not self._waiting:
            return []
        first = self._waiting[0]
        alike = [request for request in self._waiting if type(request) is type(first)]
        if not self._pads:
            alike = [request for request in alike if len(request.tokens) == len(first.tokens)]
        if self._boundary is not None:
            # One beyond it would change all others.
            alike = [first] if self._crosses(first) else [request for request in alike if not self._crosses(request)]
        alike.sort(key=lambda request: len(request.tokens))
        start = max(0, min(alike.index(first), len(alike) - self._count))
        batch = alike[start : start + self._count]
        self._waiting = [request for request in self._waiting if request not in batch]
        return batch

    def _crosses(self, request: Request) -> bool:
        return self._boundary is not None and request.columns > self._boundary

    def _answer(self, batch: Sequence[GenerateRequest]) -> None:
        left = dict(enumerate(batch))

        def pick(logits: torch.Tensor) -> dict[int, int]:
            for row, request in list(left.items()):
                if self._closed or request.future.cancelled():
                    del left[row]
            asked = list(left.values())
            tokens = sample(logits[list(left)], [each.sampling for each in asked], [each.random for each in asked])
            picked = dict(zip(left, tokens, strict=True))
            self._completion_tokens += len(tokens)
            for row, token in picked.items():
                left[row].answer.append(token)
                if completion := ended(left[row], self._loaded):
                    self._finish(left.pop(row), completion)
            return picked

        if batch:
            most = max(request.sampling.max_tokens for request in batch)
            self._generate([request.tokens for request in batch], most, pick, left)

    def _weigh(self, batch: Sequence[ChooseRequest]) -> None:
        """Options of one token are read from one pass; of a longer one the model is led along all but its last."""
        rows = [_Path(request, path, {}) for request in batch for path in sorted({*map(_path, request.targets)})]
        for start in range(0, len(rows), self._count):
            self._follow(rows[start : start + self._count])
        for request in batch:
            if not self._closed:
                found = {path.tokens: path.weights for path in rows if path.request is request}
                weights = (found[_path(target)][target[-1]] for target in request.targets)
                self._finish(request, Choice(logprobs=tuple(weights), prompt_tokens=len(request.tokens)))

    def _follow(self, paths: Sequence["_Path"]) -> None:
        left = set(range(len(paths)))
        weights, step = [0.0] * len(paths), 0

        def pick(logits: torch.Tensor) -> dict[int, int]:
            nonlocal step
            if self._closed:
                left.clear()
            chances, picked = torch.log_softmax(logits, dim=-1), {}
            for row in list(left):
                path = paths[row]
                if step < len(path.tokens):
                    picked[row] = path.tokens[step]
                    weights[row] += chances[row, path.tokens[step]].item()
                    continue
                for target in path.request.targets:
                    if _path(target) == path.tokens:
                        path.weights[target[-1]] = weights[row] + chances[row, target[-1]].item()
                left.remove(row)
            step += 1
            return picked

        most = max(len(path.tokens) for path in paths) + 1
        self._generate([path.request.tokens for path in paths], most, pick, left)

    def _generate(
        self,
        prompts: Sequence[list[int]],
        most: int,
        pick: Callable[[torch.Tensor], dict[int, int]],
        left: Collection[int],
    ) -> None:
        """Run `model.generate`.

        Args:
            prompts: Tokens of each row's prompt.
            most: Most tokens of an answer.
            pick: Is given the logits of all rows' next tokens, [rows, vocabulary], and tells the tokens of some rows.
            left: Rows that go on, as `pick` leaves them.
        """
        model, opening = self._loaded.model, self._loaded.opening
        width = max(map(len, prompts))

        def lay(row: list[int], blank: int) -> list[int]:
            padding = [blank] * (width - len(row))
            # A decoder goes on from its last column; an encoder counts positions from its first.
            return row + padding if opening else padding + row

        def force(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            # The library samples all rows by one setting and one generator; so the token is drawn here, by the code
            # and the random numbers that every other model's tokens are, and the only one that it can choose.
            picked = pick(scores)
            chosen = torch.tensor([[picked.get(row, PAD)] for row in range(len(scores))]).to(scores.device)
            return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)

        def stopped(ids: torch.Tensor, _: Any, **__: Any) -> torch.Tensor:
            return torch.tensor([row not in left for row in range(len(ids))]).to(ids.device)

        given = {"decoder_input_ids": [list(opening)] * len(prompts)} if opening else {}
        model.generate(
            torch.tensor([lay(prompt, PAD) for prompt in prompts]).to(self._device),
            attention_mask=torch.tensor([lay([1] * len(prompt), 0) for prompt in prompts]).to(self._device),
            **{name: torch.tensor(value).to(self._device) for name, value in given.items()},
            generation_config=GenerationConfig(max_new_tokens=most, do_sample=False, pad_token_id=PAD),
            logits_processor=[force],
            stopping_criteria=[stopped],
        )

    def _probe(self) -> None:
        """Find out which rows may share a batch: a few recurrent models mix up padded rows, or any two rows."""
        generator = torch.Generator().manual_seed(0)
        vocabulary = self._loaded.model.get_input_embeddings().num_embeddings
        tokens = torch.randint(0, vocabulary, (16,), generator=generator).tolist()
        short, other, long = tokens[:7], tokens[7:14], tokens
        alone = self._first_logits([short])
        spread = (alone - alone.mean(dim=-1, keepdim=True)).abs().amax(dim=-1)

        def same(prompts: list[list[int]]) -> bool:
            apart = (self._first_logits(prompts) - alone).abs().amax(dim=-1)
            return bool((apart <= TOLERANCE * spread).all())

        self._pads = same([short, long])
        if not self._pads and not same([short, other]):
            self._count = 1
        self._probed = True

    def _first_logits(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Logits of the first prompt's next three tokens, [3, vocabulary]."""
        found: list[torch.Tensor] = []

        def pick(logits: torch.Tensor) -> dict[int, int]:
            found.append(logits[0].clone())
            return {row: prompt[len(found)] for row, prompt in enumerate(prompts)}

        self._generate(prompts, 3, pick, range(len(prompts)))
        return torch.stack(found)


@dataclass(frozen=True)
class _Path:
    """Options of a request that differ in their last token only.

    Attributes:
        tokens: All tokens but the last.
        weights: Log-probability of each option by its last token, in nats; empty until it is known.
    """

    request: ChooseRequest
    tokens: tuple[int, ...]
    weights: dict[int, float]


def _path(target: Sequence[int]) -> tuple[int, ...]:
    return tuple(target[:-1])
