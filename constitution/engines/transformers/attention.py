"""Attention of one pass: many sequences packed into one row of tokens, each seeing its own slot and nothing else.

A pass holds single tokens (sequences that are answering) and spans (prompts, or parts of them). Nothing is padded but
in attention itself: single tokens are computed a block of slots at a time, up to the block's longest sequence.
Key/value heads that several query heads share are not repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

# Slots in a block of single tokens. A CPU reads every column that it is given, so blocks are small and their sequences
# alike; each call costs a few microseconds there, and far more on an accelerator, where one block is best.
BLOCK = {"cpu": 16}


@dataclass(frozen=True)
class Piece:
    """Tokens of one sequence that a pass computes.

    Attributes:
        slot: Where its keys and values are.
        start: How many tokens the slot holds already.
        tokens: What follows them.
    """

    slot: int
    start: int
    tokens: list[int]

    @property
    def end(self) -> int:
        """Tokens that the slot holds afterwards."""
        return self.start + len(self.tokens)


@dataclass
class Part:
    """Tokens of a pass that are computed together.

    Attributes:
        first: The first slot.
        last: The slot after the last.
        span: Whether it is several tokens of one slot, and not one token of each of several slots.
        tokens: The span's tokens; or each slot's token, an idle slot any.
        answering: The slots of a block that are not idle, counted from `first`; None: all of them.
        positions: [slots or 1, width], columns of the tokens.
        length: Columns that are read.
        causal: Whether it is a whole prompt from its first token.
        masks: What is added to scores, by how far back a layer looks.
    """

    first: int
    last: int
    span: bool
    tokens: slice | torch.Tensor
    answering: torch.Tensor | None
    positions: torch.Tensor
    length: int
    causal: bool = False
    masks: dict[int | None, torch.Tensor] = field(default_factory=dict)

    def mask(self, window: int | None, like: torch.Tensor) -> torch.Tensor:
        """0 where a token may look, -inf elsewhere: [slots or 1, 1, width, length]."""
        if window not in self.masks:
            behind = self.positions[:, None, :, None] - torch.arange(self.length, device=like.device)
            hidden = behind < 0 if window is None else (behind < 0) | (behind >= window)
            empty = torch.zeros(hidden.shape, dtype=like.dtype, device=like.device)
            self.masks[window] = empty.masked_fill_(hidden, -torch.inf)
        return self.masks[window]


class Pass:
    """What one forward computes, and how its attention is cut into parts.

    Args:
        pieces: Those of a single token first, in the order of their slots.
        device: The model's.

    Attributes:
        ids: Token ids, [1, tokens].
        columns: Column, which is also the position, of each token, [tokens].
        slots: Slot of each token, [tokens].
        lasts: Where in the pass each piece ends.
    """

    def __init__(self, pieces: Sequence[Piece], device: torch.device) -> None:
        lengths = [len(piece.tokens) for piece in pieces]
        self.ids = torch.tensor([[token for piece in pieces for token in piece.tokens]]).to(device)
        self.columns = torch.tensor([c for piece in pieces for c in range(piece.start, piece.end)]).to(device)
        self.slots = torch.tensor([piece.slot for piece in pieces for _ in piece.tokens]).to(device)
        self.lasts = [sum(lengths[: n + 1]) - 1 for n in range(len(pieces))] if pieces else []
        singles = next((n for n, length in enumerate(lengths) if length > 1), len(pieces))
        self.singles = _blocks(pieces[:singles], BLOCK.get(device.type, len(pieces)), device)
        self.spans = []
        for piece, last in zip(pieces[singles:], self.lasts[singles:], strict=True):
            tokens = slice(last + 1 - len(piece.tokens), last + 1)
            positions = self.columns[tokens][None]
            causal = piece.start == 0
            part = Part(piece.slot, piece.slot + 1, True, tokens, None, positions, piece.end, causal)
            self.spans.append(part)

    def attend(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        _mask: object,
        scaling: float | None = None,
        sliding_window: int | None = None,
        softcap: float | None = None,
        s_aux: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        """One layer's attention, as `transformers.AttentionInterface` calls it.

        Args:
            module: The layer.
            query: [1, heads, tokens, size].
            key: Whole buffer, [slots, key heads, columns, size].
            value: Likewise.
            scaling: Of scores; None is one over the square root of the size.
            sliding_window: How far back the layer looks, in tokens, itself included; None is all the way.
            softcap: Bound that scores are squashed into.
            s_aux: A score for each head that takes a share and gives nothing (attention sinks), [heads].

        Returns:
            [1, tokens, heads, size], and None for the weights.
        """
        rows = query[0].transpose(0, 1)
        out = rows.new_empty((*rows.shape[:2], value.shape[-1]))
        special = softcap is not None or s_aux is not None
        options: dict[str, Any] = {"scale": scaling, "enable_gqa": query.shape[1] != key.shape[1]}
        for part in (*self.singles, *self.spans):
            # A span: [1, heads, width, size]; single tokens: [slots, heads, 1, size].
            picked = rows[part.tokens]
            asked = picked.transpose(0, 1).unsqueeze(0) if part.span else picked.unsqueeze(2)
            keys = key[part.first : part.last, :, : part.length]
            values = value[part.first : part.last, :, : part.length]
            if special:
                mask = part.mask(sliding_window, query)
                found = _attend_plainly(asked, keys, values, mask, scaling, softcap, s_aux)
            elif part.causal and (sliding_window is None or sliding_window >= part.length):
                found = scaled_dot_product_attention(asked, keys, values, is_causal=True, **options)
            else:
                mask = part.mask(sliding_window, query)
                found = scaled_dot_product_attention(asked, keys, values, attn_mask=mask, **options)
            if part.span:
                out[part.tokens] = found[0].transpose(0, 1)
            elif part.answering is None:
                out[part.tokens] = found[:, :, 0]
            else:
                assert isinstance(part.tokens, torch.Tensor)
                out[part.tokens[part.answering]] = found[part.answering, :, 0]
        return out.unsqueeze(0), None


def _blocks(pieces: Sequence[Piece], size: int, device: torch.device) -> list[Part]:
    """Single tokens in blocks of neighbouring slots."""
    parts = []
    numbers = {piece.slot: n for n, piece in enumerate(pieces)}
    slots = sorted(numbers)
    while slots:
        first = slots[0]
        block = [slot for slot in slots[:size] if slot < first + size]
        slots = slots[len(block) :]
        last = block[-1] + 1
        chosen = [numbers.get(slot, 0) for slot in range(first, last)]
        positions = torch.tensor([[pieces[n].start] for n in chosen]).to(device)
        length = max(pieces[numbers[slot]].end for slot in block)
        if len(block) == last - first:
            parts.append(Part(first, last, False, slice(chosen[0], chosen[-1] + 1), None, positions, length))
        else:
            answering = torch.tensor([slot - first for slot in block]).to(device)
            parts.append(Part(first, last, False, torch.tensor(chosen).to(device), answering, positions, length))
    return parts


def _attend_plainly(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    scaling: float | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Attention with what the fused kernels lack: squashed scores (Gemma 2) and sinks (GPT-OSS)."""
    rows, heads, width, size = query.shape
    groups = key.shape[1]
    grouped = query.reshape(rows, groups, heads // groups, width, size)
    scores = torch.einsum("bghqd,bgkd->bghqk", grouped, key).float() * (scaling or size**-0.5)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores + mask[:, None]
    if sinks is not None:
        sink = sinks.float().reshape(1, groups, heads // groups, 1, 1).expand(rows, -1, -1, width, 1)
        weights = torch.softmax(torch.cat([scores, sink], dim=-1), dim=-1)[..., :-1]
    else:
        weights = torch.softmax(scores, dim=-1)
    return torch.einsum("bghqk,bgkd->bghqd", weights.to(value.dtype), value).reshape(rows, heads, width, -1)
