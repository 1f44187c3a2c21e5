"""One forward pass of a `transformers` model with this engine's cache and attention, and whether it can be trusted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface

from constitution.engines.transformers.attention import Pass, Piece
from constitution.engines.transformers.slots import Slots

NAME = "constitution"
# Logits of the two ways may differ by this share of their spread: number formats round.
TOLERANCE = 0.05
PROBE = 24
# Model types whose positions are no input but a slope over columns, beside those whose configuration says so.
ALIBI = frozenset({"bloom", "mpt"})


def forward(model: Any, slots: Slots, made: Pass, ends: Sequence[int]) -> torch.Tensor:
    """Compute a pass; the slots hold its tokens afterwards.

    Args:
        model: A `transformers` causal LM.
        slots: Its keys and values.
        made: What is computed.
        ends: Tokens of the pass whose logits are wanted.

    Returns:
        Logits, [ends, vocabulary]; of the pass's last token if none are wanted.
    """
    slots.aim(made.slots, made.columns)
    with _attending(model, made):
        output = model(
            input_ids=made.ids,
            position_ids=made.columns[None],
            past_key_values=slots,
            use_cache=True,
            logits_to_keep=torch.tensor(ends or [made.ids.shape[1] - 1]).to(made.ids.device),
        )
    logits: torch.Tensor = output.logits[0]
    return logits


@contextmanager
def _attending(model: Any, made: Pass) -> Iterator[None]:
    """Within it, the model's layers use the pass's attention; outside, the model is as the library made it."""
    AttentionInterface.register(NAME, made.attend)
    config = model.config
    parts = {key: getattr(config, key)._attn_implementation for key in config.sub_configs if hasattr(config, key)}
    before = {"": config._attn_implementation, **parts}
    try:
        config._attn_implementation = NAME
        yield
    finally:
        config._attn_implementation = before


def boundary(config: Any) -> int | None:
    """The number of tokens beyond which one sequence changes how the library rotates all others of its pass, if any.

    `longrope` (Phi 3 and 4) takes other frequencies as soon as the longest sequence is beyond the length of training.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    for part in (rope, *rope.values()):
        if isinstance(part, dict) and part.get("rope_type") == "longrope":
            most: int = config.max_position_embeddings
            length: int = part.get("original_max_position_embeddings", most)
            return length if length < most else None
    return None


class Fitness(NamedTuple):
    """Whether this engine can batch a model.

    Attributes:
        reason: Why it cannot; empty if it can.
        bytes_per_token: Memory of one token's keys and values.
    """

    reason: str
    bytes_per_token: int = 0


@torch.inference_mode()
def fitness(model: Any) -> Fitness:
    """Look whether this engine can batch a model.

    Told by what its configuration says, and by whether two short sequences, computed in pieces and side by side, get
    the logits that the library computes for each of them whole.
    """
    config = model.config.get_text_config()
    if model.config.is_encoder_decoder:
        return Fitness("it is an encoder-decoder")
    if config.model_type in ALIBI or getattr(config, "alibi", False):
        return Fitness("its attention counts columns by itself (ALiBi)")
    if boundary(config):
        return Fitness("its positions depend on the longest sequence of a batch (longrope)")
    strange = sorted(set(getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"})
    if strange:
        return Fitness(f"it has layers of the kind {strange[0]}")
    if model._is_stateful:
        return Fitness("it is recurrent")
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, config.vocab_size, (2, PROBE), generator=generator).tolist()
    slots = Slots(2)
    slots.resize(2, PROBE)
    half = PROBE // 2
    try:
        expected = torch.stack([model(torch.tensor([row]).to(model.device)).logits[0, -1] for row in ids])
        forward(model, slots, Pass([Piece(1, 0, ids[1][:half])], model.device), [])
        pieces = [Piece(0, 0, ids[0][:-1]), Piece(1, half, ids[1][half:-1])]
        forward(model, slots, Pass(pieces, model.device), [])
        lasts = [Piece(0, PROBE - 1, ids[0][-1:]), Piece(1, PROBE - 1, ids[1][-1:])]
        found = forward(model, slots, Pass(lasts, model.device), [0, 1])
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as bad:
        return Fitness(f"its layers do not work as this engine expects ({type(bad).__name__})")
    spread = (expected - expected.mean(dim=-1, keepdim=True)).abs().amax(dim=-1)
    if ((found - expected).abs().amax(dim=-1) > TOLERANCE * spread).any():
        return Fitness("its attention is not that of a standard decoder")
    return Fitness("", slots.bytes_per_token)
