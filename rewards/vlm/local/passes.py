"""Passes of the language part over a batch: what prefixes do not cover, then token by token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from transformers.cache_utils import Cache

from kibble.rewards.vlm.local.blocks import Block, Part, Row, blocks, shown
from kibble.rewards.vlm.local.family import Family, Features
from kibble.rewards.vlm.local.loading import Opened
from kibble.rewards.vlm.local.pieces import Kind, Sight
from kibble.rewards.vlm.local.prefix_tree import PrefixTree
from kibble.rewards.vlm.local.sight_cache import SightCache
from kibble.rewards.vlm.local.states import BatchStates, StatesShape

__all__ = ["Pass", "Reader"]

COLUMNS = 4096
"""Most tokens of each row in one forward pass; bounds the attention mask."""
COLUMNS_CPU = 512
"""The same on a CPU, where a mask costs as much as what it hides."""


@final
class Pass:
    """A batch whose sequences have been read and may be gone on with.

    Attributes:
        hidden: (B, K, W) last hidden states of the last K tokens of each row; K is the largest
            ``keep`` of its rows.
    """

    def __init__(
        self,
        core: Any,
        family: Family,
        cache: Cache,
        hidden: torch.Tensor,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
    ) -> None:
        self.hidden = hidden
        self._core = core
        self._family = family
        self._cache = cache
        self._mask = mask  # (B, columns so far), or none if nothing is padded
        self._positions = positions  # (P, B, 1) of the newest token

    def step(self, blocks: Sequence[Sequence[int]]) -> torch.Tensor:
        """Go on with tokens in each row.

        Args:
            blocks: Token ids of each row, any number, not all empty.

        Returns:
            (B, S, W) last hidden states; those of a row's tokens are its last ones.
        """
        rows, width = len(blocks), max(map(len, blocks))
        ids = np.zeros((rows, width), np.int64)
        fresh = np.zeros((rows, width), np.int64)
        for i, block in enumerate(blocks):
            if block:
                ids[i, -len(block) :] = block
                fresh[i, -len(block) :] = 1
        device = self._positions.device
        new = torch.from_numpy(fresh).to(device)
        positions = self._positions + new.cumsum(-1)
        self._positions = positions[..., -1:]
        if self._mask is None and not fresh.all():
            self._mask = new.new_ones(rows, self._cache.get_seq_length())
        if self._mask is not None:
            self._mask = torch.cat([self._mask, new], dim=1)
        outputs = self._core(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self._mask,
            position_ids=self._family.shaped_positions(positions),
            past_key_values=self._cache,
            use_cache=True,
        )
        hidden: torch.Tensor = outputs.last_hidden_state
        return hidden


@final
class Reader:
    """Reads batches of sequences, each from where its known prefix ends.

    Args:
        opened: The model.
        tree: Where states of prefixes are kept.
        sights: Where pictures are encoded.
    """

    def __init__(self, opened: Opened, tree: PrefixTree, sights: SightCache) -> None:
        self._opened = opened
        self._core: Any = opened.model.model
        self._tree = tree
        self._sights = sights
        self._shape = StatesShape(opened.model)

    def read(self, rows: Sequence[Row], *, scope: str, vision_scope: str) -> Pass:
        """Read sequences; neighbours with as much to read go side by side, padded on the left.

        Args:
            rows: The sequences, best sorted by how much there is to read.
            scope: What besides the sequences their states depend on: the adapter.
            vision_scope: What features depend on.

        Returns:
            All of them as one batch.

        Raises:
            torch.OutOfMemoryError: If it does not fit.
        """
        parts = [Part(row, row.reusable(self._tree, scope)) for row in rows]
        features = self._features(parts, vision_scope)
        together = list(blocks(parts))
        states = BatchStates(
            self._shape,
            rows=len(rows),
            end=max(block.length for block in together),
            reserve=max(row.reserve for row in rows) + sum(row.burst for row in rows),
        )
        keep = max(row.keep for row in rows)
        hidden = [self._read(block, scope, features, states, keep) for block in together]
        last = torch.cat(hidden)
        self._store(parts, scope, states, last)
        mask = np.concatenate([block.mask(states.end) for block in together])
        device = last.device
        return Pass(
            self._core,
            self._opened.family,
            states.cache(slice(None), begin=0, filled=states.end),
            last,
            None if mask.all() else torch.from_numpy(mask).to(device),
            torch.stack([row.text.positions[:, -1:] for row in rows], dim=1).to(device),
        )

    def _features(self, parts: Sequence[Part], scope: str) -> dict[bytes, Features]:
        wanted: list[Sight] = [
            sight
            for part in parts
            for offset, sight in part.row.text.sights
            if part.known < offset + sight.tokens and offset < len(part.row.text)
        ]
        return self._sights.features(wanted, scope) if wanted else {}

    def _read(
        self,
        block: Block,
        scope: str,
        features: dict[bytes, Features],
        states: BatchStates,
        keep: int,
    ) -> torch.Tensor:
        """Read one block and return (rows, keep, W) last hidden states."""
        before = states.end - block.width
        for i, part in enumerate(block.parts, start=block.first):
            states.blank(i, slice(0, before - part.known))
            if part.known:
                known = states.tensor[:, :, i, :, before - part.known : before]
                self._tree.read(scope, part.row.text.units[: part.known], known)
        device = self._opened.model.device
        ids, positions = (tensor.to(device) for tensor in block.inputs())
        mask = block.mask(block.length)
        padding = None if mask.all() else torch.from_numpy(mask).to(device)
        cache = states.cache(
            slice(block.first, block.first + len(block.parts)),
            begin=states.end - block.length,
            filled=block.filled,
        )
        most = COLUMNS_CPU if device.type == "cpu" else COLUMNS
        columns = math.ceil(block.width / math.ceil(block.width / most))
        hidden: list[torch.Tensor] = []
        for begin in range(0, block.width, columns):
            end = min(begin + columns, block.width)
            seen = [
                piece
                for part in block.parts
                for piece in shown(part, features, (begin, end), block.width)
            ]
            outputs = self._core(
                input_ids=ids[:, begin:end],
                attention_mask=None if padding is None else padding[:, : block.filled + end],
                position_ids=self._opened.family.shaped_positions(positions[..., begin:end]),
                past_key_values=cache,
                use_cache=True,
                **self._visual(seen),
            )
            hidden.append(outputs.last_hidden_state[:, max(0, block.width - keep - begin) :])
        last = torch.cat(hidden, dim=1)
        return torch.nn.functional.pad(last, (0, 0, keep - last.shape[1], 0))

    def _visual(self, seen: list[tuple[Kind, Features]]) -> dict[str, object]:
        return {"mm_encoder_outputs": self._opened.family.encoder_outputs(seen)} if seen else {}

    def _store(
        self, parts: Sequence[Part], scope: str, states: BatchStates, last: torch.Tensor
    ) -> None:
        if not self._tree.enabled:
            return
        sound = last[:, -1].isfinite().all(dim=-1).tolist()
        for i, part in enumerate(parts):
            if sound[i]:  # what is not finite anywhere spoils the last hidden state
                fresh = states.tensor[:, :, i, :, states.end - part.new : states.end]
                self._tree.store(scope, part.row.text.units, part.known, fresh)
