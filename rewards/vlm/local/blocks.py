"""Rows of a batch that are read side by side, and what is padded in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.rewards.vlm.local.family import Features
from kibble.rewards.vlm.local.pieces import Kind
from kibble.rewards.vlm.local.prefix_tree import PrefixTree
from kibble.rewards.vlm.local.rendering import Rendered

__all__ = ["Block", "Part", "Row", "blocks", "shown"]

PADDING = 1.2
"""Most places, padding included, for each new token of rows that are read side by side."""
SMALL = 256
"""Places that cost hardly more than one, as reading the weights takes longer."""


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


class Part(NamedTuple):
    """A row and how many of its first tokens have known states."""

    row: Row
    known: int

    @property
    def new(self) -> int:
        """Tokens that are to be read."""
        return len(self.row.text) - self.known


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring rows that are read side by side."""

    first: int
    parts: tuple[Part, ...]

    @property
    def filled(self) -> int:
        """Columns of known states, those of the longest prefix."""
        return max(part.known for part in self.parts)

    @property
    def width(self) -> int:
        """Columns of new tokens."""
        return max(part.new for part in self.parts)

    @property
    def length(self) -> int:
        """All columns."""
        return self.filled + self.width

    def mask(self, columns: int) -> NDArray[np.int64]:
        """(rows, columns) 1 where something stands, all rows ending at the last column."""
        mask = np.zeros((len(self.parts), columns), np.int64)
        for row, part in zip(mask, self.parts, strict=True):
            row[columns - self.width - part.known : columns - self.width] = 1
            row[columns - part.new :] = 1
        return mask

    def inputs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids (rows, width) and positions (P, rows, width) of what is new."""
        shape = (len(self.parts), self.width)
        ids = torch.zeros(shape, dtype=torch.int64)
        positions = torch.zeros((len(self.parts[0].row.text.positions), *shape), dtype=torch.int64)
        for i, part in enumerate(self.parts):
            text = part.row.text
            ids[i, -part.new :] = torch.from_numpy(text.ids[part.known :])
            positions[:, i, -part.new :] = text.positions[:, part.known :]
        return ids, positions


def blocks(parts: Sequence[Part]) -> Iterator[Block]:
    """Cut rows into blocks of which little is padding."""
    first = 0
    while first < len(parts):
        end = first + 1
        while end < len(parts):
            widths = [part.new for part in parts[first : end + 1]]
            area = len(widths) * max(widths)
            if area > max(PADDING * sum(widths), SMALL):
                break
            end += 1
        yield Block(first, tuple(parts[first:end]))
        first = end


def shown(
    part: Part, features: dict[bytes, Features], columns: tuple[int, int], width: int
) -> list[tuple[Kind, Features]]:
    """Features of the placeholders in some columns of the padded new tokens."""
    shift = len(part.row.text) - width  # column c holds token c + shift
    first, stop = max(part.known, columns[0] + shift), columns[1] + shift
    found: list[tuple[Kind, Features]] = []
    for offset, sight in part.row.text.sights:
        low, high = max(first, offset), min(stop, offset + sight.tokens)
        if low < high:
            layers = features[sight.key]
            found.append((sight.kind, tuple(x[low - offset : high - offset] for x in layers)))
    return found
