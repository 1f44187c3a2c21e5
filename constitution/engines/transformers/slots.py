"""Keys and values of many sequences in one preallocated buffer: a slot a sequence, a column a token.

The library's own cache grows by copying all of itself at every token, and drops a sequence's keys and values when it
ends. Here a step writes one column in place, a new sequence takes over a free slot while the others go on, and a slot
remembers its tokens, so that a conversation that continues an earlier one computes only what is new.
"""

from typing import Any

import torch
from transformers import Cache

from constitution.errors import ModelError

GROWTH = 256


class Slots(Cache):
    """A `transformers` cache in which row r of the batch is slot `rows[r]`, at columns of its own.

    Before each forward pass `aim` says which slots and columns it writes. The last column is scratch: padding and
    idle slots write there, and nothing reads it.

    Args:
        model: A causal LM; its config tells which layers look back only so far.
        count: How many slots.

    Attributes:
        tokens: For each slot, the tokens whose keys and values it holds, from column 0.
    """

    def __init__(self, model: Any, count: int) -> None:
        super().__init__(layers=[])
        self.tokens: list[list[int]] = [[] for _ in range(count)]
        self._device = model.device
        self._additive = None if model.config._attn_implementation == "sdpa" else model.dtype
        self._windows = _windows(model.config.get_text_config())
        self._capacity = 0
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    def reserve(self, columns: int) -> None:
        """Make room for sequences of that many tokens, keeping what is there."""
        if columns + 1 <= self._capacity:
            return
        self._capacity = (columns // GROWTH + 1) * GROWTH + 1
        for store in (self._keys, self._values):
            for layer, old in enumerate(store):
                store[layer] = _widened(old, self._capacity)

    def aim(self, rows: range | list[int], starts: list[int], counts: list[int]) -> dict[str, Any]:
        """Set the next forward pass: row i adds `counts[i]` tokens to slot `rows[i]` from column `starts[i]`.

        Rows are padded on the left to the largest count; a count of 0 is an idle slot.

        Args:
            rows: Slots; a range from 0 is read in place, a list is gathered.
            starts: Columns, which are also positions.
            counts: New tokens.

        Returns:
            `position_ids` [rows, width] and `attention_mask` for the model's forward.
        """
        width = max(counts)
        offsets = torch.arange(width)[None, :] - (width - torch.tensor(counts))[:, None]
        positions = torch.tensor(starts)[:, None] + offsets
        real = offsets >= 0
        self._columns = torch.where(real, positions, self._capacity - 1).to(self._device)
        positions = torch.where(real, positions, 0).to(self._device)
        self._length = max(start + count for start, count in zip(starts, counts, strict=True))
        self._in_place = isinstance(rows, range)
        self._rows = torch.tensor(list(rows), device=self._device)
        behind = positions[:, None, :, None] - torch.arange(self._length, device=self._device)
        masks = {kind: self._mask(behind, window) for kind, window in self._windows.items()}
        mask = masks if len(masks) > 1 else next(iter(masks.values()))
        return {"position_ids": positions, "attention_mask": mask}

    def _mask(self, behind: torch.Tensor, window: int | None) -> torch.Tensor:
        """What each token may see, [rows, 1, width, length]; `behind` counts columns back from it."""
        # Padding sits at position 0 and sees column 0: whatever it computes is thrown away, but it is a number.
        visible = behind >= 0
        if window is not None:
            visible &= behind < window
        if self._additive is None:
            return visible
        return torch.zeros(visible.shape, dtype=self._additive, device=visible.device).masked_fill(
            ~visible, torch.finfo(self._additive).min
        )

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by each layer: write the new columns, give back all that the rows hold.

        Args:
            key_states: [rows, heads, width, size].
            value_states: Likewise.
            layer_idx: The layer.

        Returns:
            Keys and values, [rows, heads, length, size].
        """
        while len(self._keys) <= layer_idx:
            for store, states in ((self._keys, key_states), (self._values, value_states)):
                shape = (len(self.tokens), states.shape[1], self._capacity, states.shape[3])
                store.append(torch.zeros(shape, dtype=states.dtype, device=states.device))
        found = []
        for store, states in ((self._keys, key_states), (self._values, value_states)):
            buffer = store[layer_idx]
            buffer[self._rows[:, None], :, self._columns] = states.transpose(1, 2)
            rows = buffer[: len(self._rows)] if self._in_place else buffer[self._rows]
            found.append(rows[:, :, : self._length])
        return found[0], found[1]

    def copy_prefix(self, source: int, target: int, columns: int) -> None:
        """Give `target` the first columns of `source`; the caller keeps `tokens` in step."""
        for buffer in (*self._keys, *self._values):
            buffer[target, :, :columns] = buffer[source, :, :columns]

    def swap(self, one: int, other: int) -> None:
        """Exchange two slots."""
        columns = max(len(self.tokens[one]), len(self.tokens[other]))
        for buffer in (*self._keys, *self._values):
            kept = buffer[one, :, :columns].clone()
            buffer[one, :, :columns] = buffer[other, :, :columns]
            buffer[other, :, :columns] = kept
        self.tokens[one], self.tokens[other] = self.tokens[other], self.tokens[one]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Always 0: positions and masks are given to the model, never derived from this."""
        return 0


def _widened(old: torch.Tensor, capacity: int) -> torch.Tensor:
    wide = old.new_zeros((*old.shape[:2], capacity, old.shape[3]))
    wide[:, :, : old.shape[2]] = old
    return wide


def _windows(config: Any) -> dict[str, int | None]:
    """Kinds of layer and how many tokens each looks back (None: all).

    Raises:
        ModelError: A layer keeps something other than keys and values of tokens.
    """
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    known = {"full_attention": None, "sliding_attention": window}
    kinds = sorted(set(getattr(config, "layer_types", None) or ()))
    if not kinds:
        return {"sliding_attention" if window else "full_attention": window}
    strange = [kind for kind in kinds if kind not in known]
    if strange:
        raise ModelError(
            f"the model has layers of the kind {strange[0]}, which this engine cannot batch",
            "Use a model whose layers are attention, full or sliding.",
        )
    return {kind: known[kind] for kind in kinds}
