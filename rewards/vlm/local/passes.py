"""Passes of the language part over a batch: what prefixes do not cover, then token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from kibble.rewards.vlm.local.family import Family, Features
from kibble.rewards.vlm.local.loading import Opened
from kibble.rewards.vlm.local.pieces import Kind, Sight
from kibble.rewards.vlm.local.prefix_tree import PrefixTree
from kibble.rewards.vlm.local.rendering import Rendered
from kibble.rewards.vlm.local.sight_cache import SightCache
from kibble.rewards.vlm.local.states import BatchStates, StatesShape

__all__ = ["Pass", "Reader", "Row"]

COLUMNS = 2048
"""Most tokens of each row in one forward pass; bounds the attention mask."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One sequence to be read.

    Args:
        text: The sequence.
        keep: How many of its last tokens need their last hidden state.
        reserve: How many tokens are to be generated after it, one in each step.
        burst: How many more, any number of them in one step.
    """

    text: Rendered
    keep: int = 1
    reserve: int = 0
    burst: int = 0

    def reusable(self, tree: PrefixTree, scope: str) -> int:
        """How many of its first tokens have known states and need no hidden state."""
        return min(tree.match(scope, self.text.units), len(self.text) - self.keep)


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
        states: BatchStates,
        hidden: torch.Tensor,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
    ) -> None:
        self.hidden = hidden
        self._core = core
        self._family = family
        self._states = states
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
            self._mask = new.new_ones(rows, self._states.cache.get_seq_length())
        if self._mask is not None:
            self._mask = torch.cat([self._mask, new], dim=1)
        outputs = self._core(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self._mask,
            position_ids=self._family.shaped_positions(positions),
            past_key_values=self._states.cache,
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
        """Read sequences side by side, padded on the left.

        Args:
            rows: The sequences.
            scope: What besides the sequences their states depend on: the adapter.
            vision_scope: What features depend on.

        Returns:
            The batch.

        Raises:
            torch.OutOfMemoryError: If it does not fit.
        """
        known = [row.reusable(self._tree, scope) for row in rows]
        features = self._features(rows, known, vision_scope)
        new = [len(row.text) - begin for row, begin in zip(rows, known, strict=True)]
        filled, width = max(known), max(new)
        reserve = max(row.reserve for row in rows) + sum(row.burst for row in rows)
        states = BatchStates(
            self._shape, rows=len(rows), filled=filled, capacity=filled + width + reserve
        )
        for i, (row, begin) in enumerate(zip(rows, known, strict=True)):
            if begin:
                prefix = states.tensor[:, :, i, :, filled - begin : filled]
                self._tree.read(scope, row.text.units[:begin], prefix)
        ids, positions, mask = self._padded(rows, known, filled, width)
        keep = max(row.keep for row in rows)
        hidden: list[torch.Tensor] = []
        for begin in range(0, width, COLUMNS):
            end = min(begin + COLUMNS, width)
            seen = [
                (kind, part)
                for row, start in zip(rows, known, strict=True)
                for kind, part in _shown(row.text, features, start, (begin, end), width)
            ]
            outputs = self._core(
                input_ids=ids[:, begin:end],
                attention_mask=None if mask is None else mask[:, : filled + end],
                position_ids=self._opened.family.shaped_positions(positions[..., begin:end]),
                past_key_values=states.cache,
                use_cache=True,
                **self._visual(seen),
            )
            hidden.append(outputs.last_hidden_state[:, max(0, width - keep - begin) :])
        last = torch.cat([part for part in hidden if part.shape[1]], dim=1)
        self._store(rows, known, new, scope, states, last)
        return Pass(
            self._core, self._opened.family, states, last, mask, positions[..., -1:].clone()
        )

    def _features(
        self, rows: Sequence[Row], known: Sequence[int], scope: str
    ) -> dict[bytes, Features]:
        wanted: list[Sight] = [
            sight
            for row, begin in zip(rows, known, strict=True)
            for offset, sight in row.text.sights
            if begin < offset + sight.tokens and offset < len(row.text)
        ]
        return self._sights.features(wanted, scope) if wanted else {}

    def _visual(self, seen: list[tuple[Kind, Features]]) -> dict[str, object]:
        return {"mm_encoder_outputs": self._opened.family.encoder_outputs(seen)} if seen else {}

    def _padded(
        self, rows: Sequence[Row], known: Sequence[int], filled: int, width: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Token ids (B, S), positions (P, B, S), and which columns hold something (B, P + S)."""
        device = self._opened.model.device
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), filled + width), np.int64)
        positions = torch.zeros(rows[0].text.positions.shape[0], len(rows), width).long()
        for i, (row, begin) in enumerate(zip(rows, known, strict=True)):
            pad = width - (len(row.text) - begin)
            ids[i, pad:] = row.text.ids[begin:]
            positions[:, i, pad:] = row.text.positions[:, begin:]
            mask[i, filled - begin : filled] = 1
            mask[i, filled + pad :] = 1
        full = mask.all()
        return (
            torch.from_numpy(ids).to(device),
            positions.to(device),
            None if full else torch.from_numpy(mask).to(device),
        )

    def _store(
        self,
        rows: Sequence[Row],
        known: Sequence[int],
        new: Sequence[int],
        scope: str,
        states: BatchStates,
        last: torch.Tensor,
    ) -> None:
        if not self._tree.enabled:
            return
        sound = last[:, -1].isfinite().all(dim=-1).tolist()
        end = max(known) + max(new)
        for i, row in enumerate(rows):
            if sound[i]:  # what is not finite anywhere spoils the last hidden state
                fresh = states.tensor[:, :, i, :, end - new[i] : end]
                self._tree.store(scope, row.text.units, known[i], fresh)


def _shown(
    text: Rendered,
    features: dict[bytes, Features],
    known: int,
    columns: tuple[int, int],
    width: int,
) -> list[tuple[Kind, Features]]:
    """Features of the placeholders in some columns of the padded new tokens."""
    shift = len(text) - width  # column c holds token c + shift
    first, stop = max(known, columns[0] + shift), columns[1] + shift
    shown: list[tuple[Kind, Features]] = []
    for offset, sight in text.sights:
        low, high = max(first, offset), min(stop, offset + sight.tokens)
        if low < high:
            part = tuple(layer[low - offset : high - offset] for layer in features[sight.key])
            shown.append((sight.kind, part))
    return shown
