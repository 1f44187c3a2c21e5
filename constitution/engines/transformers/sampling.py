"""Next tokens for a batch of rows, each by its own settings and its own random numbers."""

from collections.abc import Sequence
from random import Random

import torch
from torch.nn.functional import pad

from constitution.records import Sampling

# Cumulative sums over a whole vocabulary are slow on a CPU: sum blocks first, then look inside one block.
BLOCK = 128
# Most rows in one pass over the vocabulary on a CPU: temporaries of a few MiB stay in its cache.
ROWS = 32


def sample(logits: torch.Tensor, samplings: Sequence[Sampling], randoms: Sequence[Random]) -> list[int]:
    """Draw one token per row by inverting its cumulative distribution.

    All randomness comes from the row's own generator, so a row's draws do not depend on its neighbours.

    Filters act in this order, each on what the one before has left: min-p (Nguyen et al. 2024), top-k, nucleus
    (Holtzman et al. 2019). A nucleus is sampled without sorting: a token drawn from all is kept if the tokens more
    probable than it weigh less than `top_p`, else the row draws again. That is the same distribution, and takes
    1/`top_p` draws on average at most. Tokens tied at the edge of a filter all belong to it.

    Args:
        logits: [rows, vocabulary].
        samplings: One per row.
        randoms: One per row.

    Returns:
        Token ids, one per row.
    """
    if len(logits) > ROWS and logits.device.type == "cpu":
        head = sample(logits[:ROWS], samplings[:ROWS], randoms[:ROWS])
        return head + sample(logits[ROWS:], samplings[ROWS:], randoms[ROWS:])
    tokens = [0] * len(logits)
    cold = [row for row, sampling in enumerate(samplings) if sampling.temperature == 0]
    if cold:
        for row, token in zip(cold, logits[cold].argmax(dim=-1).tolist(), strict=True):
            tokens[row] = token
    rows = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if not rows:
        return tokens
    weights = _weights(logits if not cold else logits[rows], [samplings[row] for row in rows])
    while rows:
        drawn = _invert(weights, [randoms[row].random() for row in rows])
        inside = _in_nucleus(weights, drawn, [samplings[row].top_p for row in rows])
        for row, token, kept in zip(rows, drawn.tolist(), inside, strict=True):
            if kept:
                tokens[row] = token
        again = [place for place, kept in enumerate(inside) if not kept]
        rows = [rows[place] for place in again]
        weights = weights[again] if rows else weights
    return tokens


def _weights(logits: torch.Tensor, samplings: Sequence[Sampling]) -> torch.Tensor:
    """Probabilities relative to each row's most probable token, filtered by min-p and top-k; [rows, vocabulary]."""
    weights = logits.float()
    if weights is logits:
        weights = weights.clone()
    weights -= weights.amax(dim=-1, keepdim=True)
    weights /= torch.tensor([[sampling.temperature] for sampling in samplings], device=logits.device)
    weights.exp_()
    if any(sampling.min_p for sampling in samplings):
        least = torch.tensor([[sampling.min_p] for sampling in samplings], device=logits.device)
        weights.masked_fill_(weights < least, 0)
    for row, sampling in enumerate(samplings):
        if 0 < sampling.top_k < weights.shape[-1]:
            least = weights[row].topk(sampling.top_k).values[-1]
            weights[row].masked_fill_(weights[row] < least, 0)
    return weights


def _invert(weights: torch.Tensor, uniforms: list[float]) -> torch.Tensor:
    """The token at which each row's cumulative weight passes `uniforms` times the whole weight; [rows]."""
    rows, vocabulary = weights.shape
    if vocabulary % BLOCK:
        weights = pad(weights, (0, BLOCK - vocabulary % BLOCK))
    # Apple's GPUs have no float64.
    wide = torch.float32 if weights.device.type == "mps" else torch.float64
    blocks = weights.view(rows, -1, BLOCK)
    mass = blocks.sum(dim=-1).to(wide).cumsum(dim=-1)
    marks = torch.tensor(uniforms, dtype=wide).to(mass.device)[:, None] * mass[:, -1:]
    block = torch.searchsorted(mass, marks, right=True).clamp(max=mass.shape[1] - 1)
    before = torch.where(block > 0, mass.gather(1, (block - 1).clamp(min=0)), 0.0)
    inner = blocks[torch.arange(rows, device=mass.device), block[:, 0]].cumsum(dim=-1, dtype=wide)
    # Rounding may leave the mark a hair beyond the block's last token with any weight.
    last = torch.searchsorted(inner, inner[:, -1:].contiguous())
    place = torch.minimum(torch.searchsorted(inner, marks - before, right=True), last)
    return (block * BLOCK + place).flatten()


def _in_nucleus(weights: torch.Tensor, tokens: torch.Tensor, top_ps: list[float]) -> list[bool]:
    """Whether the tokens more probable than each row's weigh less than its `top_p` of the whole."""
    if min(top_ps) >= 1:
        return [True] * len(top_ps)
    chance = weights.gather(1, tokens[:, None])
    above = torch.where(weights > chance, weights, 0.0).sum(dim=-1) / weights.sum(dim=-1)
    return [top_p >= 1 or mass < top_p for mass, top_p in zip(above.tolist(), top_ps, strict=True)]
