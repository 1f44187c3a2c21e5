"""Next tokens for a batch of rows, each by its own temperature, nucleus and random numbers."""

from collections.abc import Sequence
from random import Random

import torch
from torch.nn.functional import pad

# Cumulative sums over a whole vocabulary are slow on a CPU: sum blocks first, then look inside one block.
BLOCK = 128
# Most rows in one pass.
ROWS = 32


def sample(
    logits: torch.Tensor, temperatures: Sequence[float], top_ps: Sequence[float], randoms: Sequence[Random]
) -> list[int]:
    """Draw one token per row by inverting its cumulative distribution.

    All randomness comes from the row's own generator, so a row's draws do not depend on its neighbours.

    A nucleus (Holtzman et al. 2019) is sampled without sorting: a token drawn from the whole distribution is kept if
    the tokens more probable than it weigh less than `top_p`, else the row draws again. That is the same distribution,
    and takes 1/`top_p` draws on average at most. Tokens tied at the nucleus's edge all belong to it.

    Args:
        logits: [rows, vocabulary].
        temperatures: One per row; 0 takes the most probable token.
        top_ps: One per row, in (0, 1].
        randoms: One per row.

    Returns:
        Token ids, one per row.
    """
    if len(logits) > ROWS:
        # Temporaries of a few MiB stay in the CPU's cache; one pass over 64 rows takes four times one over 32.
        head = sample(logits[:ROWS], temperatures[:ROWS], top_ps[:ROWS], randoms[:ROWS])
        return head + sample(logits[ROWS:], temperatures[ROWS:], top_ps[ROWS:], randoms[ROWS:])
    tokens = [0] * len(logits)
    cold = [row for row, temperature in enumerate(temperatures) if temperature == 0]
    if cold:
        for row, token in zip(cold, logits[cold].argmax(dim=-1).tolist(), strict=True):
            tokens[row] = token
    rows = [row for row, temperature in enumerate(temperatures) if temperature > 0]
    if not rows:
        return tokens
    warm = logits.float() if not cold else logits[rows].float()
    scale = torch.tensor([temperatures[row] for row in rows], device=logits.device)
    probabilities = torch.softmax(warm / scale[:, None], dim=-1)
    while rows:
        drawn = _invert(probabilities, [randoms[row].random() for row in rows])
        inside = _in_nucleus(probabilities, drawn, [top_ps[row] for row in rows])
        for row, token, kept in zip(rows, drawn.tolist(), inside, strict=True):
            if kept:
                tokens[row] = token
        again = [place for place, kept in enumerate(inside) if not kept]
        rows = [rows[place] for place in again]
        probabilities = probabilities[again] if rows else probabilities
    return tokens


def _invert(probabilities: torch.Tensor, uniforms: list[float]) -> torch.Tensor:
    """The token at which each row's cumulative mass passes `uniforms` times the whole mass; [rows]."""
    rows, vocabulary = probabilities.shape
    if vocabulary % BLOCK:
        probabilities = pad(probabilities, (0, BLOCK - vocabulary % BLOCK))
    # Apple's GPUs have no float64.
    wide = torch.float32 if probabilities.device.type == "mps" else torch.float64
    blocks = probabilities.view(rows, -1, BLOCK)
    mass = blocks.sum(dim=-1, dtype=wide).cumsum(dim=-1)
    marks = torch.tensor(uniforms, dtype=wide).to(mass.device)[:, None] * mass[:, -1:]
    block = torch.searchsorted(mass, marks, right=True).clamp(max=mass.shape[1] - 1)
    before = torch.where(block > 0, mass.gather(1, (block - 1).clamp(min=0)), 0.0)
    inner = blocks[torch.arange(rows, device=mass.device), block[:, 0]].cumsum(dim=-1, dtype=wide)
    # Rounding may leave the mark a hair beyond the block's last token with any mass.
    last = torch.searchsorted(inner, inner[:, -1:].contiguous())
    place = torch.minimum(torch.searchsorted(inner, marks - before, right=True), last)
    return (block * BLOCK + place).flatten()


def _in_nucleus(probabilities: torch.Tensor, tokens: torch.Tensor, top_ps: list[float]) -> list[bool]:
    """Whether the tokens more probable than each row's weigh less than its `top_p`."""
    if min(top_ps) >= 1:
        return [True] * len(top_ps)
    chance = probabilities.gather(1, tokens[:, None])
    above = torch.where(probabilities > chance, probabilities, 0.0).sum(dim=-1).tolist()
    return [top_p >= 1 or mass < top_p for mass, top_p in zip(above, top_ps, strict=True)]
