"""Keys and values of many sequences in one preallocated buffer: a slot a sequence, a column a token.

The library's own cache grows by copying all of itself at every token, and drops a sequence's keys and values when it
ends. Here a pass writes its columns in place, a new sequence takes over a free slot while the others go on, and a slot
remembers its tokens, so that a conversation that continues an earlier one computes only what is new.
"""

import math
import mmap
from typing import Any

import torch
from transformers import Cache

# Columns are made this many at a time.
GROWTH = 128


class Slots(Cache):
    """A `transformers` cache whose rows are slots, and whose layers are given all of them.

    Before each pass `aim` says where its tokens go; `update`, called by each layer, writes them there.

    Args:
        count: How many slots.

    Attributes:
        tokens: For each slot, the tokens whose keys and values it holds, from column 0.
        count: How many slots there are.
        capacity: Columns of each slot.
    """

    def __init__(self, count: int) -> None:
        super().__init__(layers=[])
        self.count = count
        self.capacity = 0
        self.tokens: list[list[int]] = [[] for _ in range(count)]
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    @property
    def bytes_per_token(self) -> int:
        """Memory of one column of one slot, over all layers; known after the first pass."""
        return sum(b.shape[1] * b.shape[3] * b.element_size() for b in (*self._keys, *self._values))

    def resize(self, count: int, columns: int) -> None:
        """Keep the first `count` slots and make room for sequences of `columns` tokens.

        One buffer after the other, so that both sizes of all of them are never held at once.
        """
        self.count, self.capacity = count, (columns + GROWTH - 1) // GROWTH * GROWTH
        self.tokens = [held[: self.capacity] for held in self.tokens[:count]]
        self.tokens += [[] for _ in range(count - len(self.tokens))]
        used = max(map(len, self.tokens), default=0)
        for store in (self._keys, self._values):
            for layer, old in enumerate(store):
                wide = _zeros((count, old.shape[1], self.capacity, old.shape[3]), old)
                kept = min(count, len(old))
                wide[:kept, :, :used] = old[:kept, :, :used]
                store[layer] = wide

    def aim(self, slots: torch.Tensor, columns: torch.Tensor) -> None:
        """Where the tokens of the next pass go: [tokens] each."""
        self._slots, self._columns = slots, columns
        # Where each head's row of each token is in a buffer seen as rows, [heads, tokens]; by number of heads.
        self._places: dict[int, torch.Tensor] = {}

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by each layer: write the new columns, give back the whole buffers.

        Args:
            key_states: [1, heads, tokens, size].
            value_states: Likewise.
            layer_idx: The layer.

        Returns:
            Keys and values, [slots, heads, columns, size].
        """
        while len(self._keys) <= layer_idx:
            for store, states in ((self._keys, key_states), (self._values, value_states)):
                store.append(_zeros((self.count, states.shape[1], self.capacity, states.shape[3]), states))
        for store, states in ((self._keys, key_states), (self._values, value_states)):
            heads, size = states.shape[1], states.shape[3]
            if heads not in self._places:
                head = torch.arange(heads, device=states.device)[:, None]
                self._places[heads] = ((self._slots * heads + head) * self.capacity + self._columns).flatten()
            rows = states[0].reshape(-1, size)
            # In the widest numbers that fit: torch copies rows number by number.
            wide = torch.int64 if rows.nbytes % 8 == 0 and size * rows.element_size() % 8 == 0 else rows.dtype
            target = store[layer_idx].view(-1, size).view(wide)
            target.index_copy_(0, self._places[heads], rows.view(wide))
        return self._keys[layer_idx], self._values[layer_idx]

    def copy_prefix(self, source: int, target: int, columns: int) -> None:
        """Give `target` the first columns of `source`."""
        for buffer in (*self._keys, *self._values):
            buffer[target, :, :columns] = buffer[source, :, :columns]
        self.tokens[target] = self.tokens[source][:columns]

    def reorder(self, order: list[int]) -> None:
        """Put slot `order[n]` in the place of slot n, for all n."""
        used = max(map(len, self.tokens))
        for buffer in (*self._keys, *self._values):
            buffer[:, :, :used] = buffer[order, :, :used]
        self.tokens = [self.tokens[slot] for slot in order]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Always 0: positions are given to the model, never derived from this."""
        return 0


def _zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Zeros of the format of `like`, on its device: what is never written must be a number: it meets weights of 0."""
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    # From the system, which hands out zeroed pages as they are touched: columns that no sequence reaches cost nothing.
    pages = mmap.mmap(-1, math.prod(shape) * like.element_size())
    return torch.frombuffer(pages, dtype=like.dtype).view(shape)
