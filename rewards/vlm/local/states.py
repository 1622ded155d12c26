"""Attention states of a batch in one block of memory, filled from the right of its prefixes."""

from __future__ import annotations

from typing import Any, final

import torch
import transformers
from transformers.cache_utils import Cache, DynamicLayer

__all__ = ["BatchStates", "StatesShape"]


@final
class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers is typed in part
    """One layer's keys and values; new ones are written in place instead of concatenated."""

    def __init__(self, states: torch.Tensor, length: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._states = states  # (2, B, heads, capacity, D)
        self._length = length
        self.dtype, self.device = states.dtype, states.device
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new states and return all of them."""
        end = self._length + key_states.shape[-2]
        self._states[0, :, :, self._length : end] = key_states
        self._states[1, :, :, self._length : end] = value_states
        self._length = end
        return self._states[0, :, :, :end], self._states[1, :, :, :end]

    def get_seq_length(self) -> int:
        """How many positions are filled."""
        return self._length


@final
class StatesShape:
    """Sizes of a model's attention states.

    Args:
        model: The model.
    """

    def __init__(self, model: transformers.PreTrainedModel) -> None:
        config: Any = model.config.get_text_config()
        heads = config.num_attention_heads
        self._layers: int = config.num_hidden_layers
        self._heads: int = getattr(config, "num_key_value_heads", None) or heads
        self._width: int = getattr(config, "head_dim", None) or config.hidden_size // heads
        self._dtype: torch.dtype = model.dtype
        self._device: torch.device = model.device

    def empty(self, rows: int, capacity: int) -> torch.Tensor:
        """(layers, 2, rows, heads, capacity, D) of whatever the memory holds."""
        shape = (self._layers, 2, rows, self._heads, capacity, self._width)
        return torch.empty(shape, dtype=self._dtype, device=self._device)


@final
class BatchStates:
    """States of B rows that all end at one column, so that they can be gone on with together.

    What stands before a sequence must be blanked: masked or not, it has to be finite.

    Args:
        shape: Sizes.
        rows: B.
        end: Column at which all sequences end.
        reserve: Columns after it.

    Attributes:
        tensor: (layers, 2, B, heads, end + reserve, D).
        end: As given.
    """

    def __init__(self, shape: StatesShape, *, rows: int, end: int, reserve: int) -> None:
        self.tensor = shape.empty(rows, end + reserve)
        self.end = end

    def blank(self, row: int, columns: slice) -> None:
        """Clear what no pass will write."""
        self.tensor[:, :, row, :, columns] = 0.0

    def cache(self, rows: slice, *, begin: int, filled: int) -> Cache:
        """What the model takes for some rows; it writes into ``tensor``.

        Args:
            rows: Which rows.
            begin: First column that they need.
            filled: Columns from there on that are already known.
        """
        block = self.tensor[:, :, rows, :, begin:]
        return Cache(layers=[_Layer(layer, filled) for layer in block])
