"""Keys and values of prefixes, found again by the longest one that a sequence begins with."""

from __future__ import annotations

import heapq
import itertools
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["PrefixTree", "common_length"]


def common_length(first: NDArray[np.int64], second: NDArray[np.int64]) -> int:
    """Length of the longest common beginning.

    >>> common_length(np.array([1, 2, 3]), np.array([1, 2, 4, 5]))
    2
    """
    n = min(len(first), len(second))
    different = first[:n] != second[:n]
    return int(different.argmax()) if different.any() else n


class _Node:
    """A stretch of a sequence and its states, (layers, 2, heads, S, D), after its parent's."""

    __slots__ = ("children", "parent", "states", "units", "used")

    def __init__(
        self, units: NDArray[np.int64], states: torch.Tensor, parent: _Node | None, used: int
    ) -> None:
        self.units = units
        self.states = states
        self.parent = parent
        self.used = used
        self.children: dict[int, _Node] = {}

    @property
    def size(self) -> int:
        return self.states.numel() * self.states.element_size()


@final
class PrefixTree:
    """Radix tree of sequences and their attention states; what was used longest ago goes first.

    A sequence is a row of units: token ids, and for each placeholder a number drawn from the
    content of what stands there. States of position i depend on units 0 to i alone.

    Args:
        limit: Most bytes kept; 0 keeps none.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._roots: dict[str, _Node] = {}
        self._clock = itertools.count()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    @property
    def enabled(self) -> bool:
        """Whether anything may be kept."""
        return self._limit > 0

    def clear(self) -> None:
        """Forget everything."""
        self._roots.clear()
        self._size = 0

    def match(self, scope: str, units: NDArray[np.int64]) -> int:
        """Length of the longest beginning whose states are kept under ``scope``."""
        return sum(length for _, length in self._path(scope, units))

    def read(self, scope: str, units: NDArray[np.int64], out: torch.Tensor) -> None:
        """Copy the states of ``units``, all of which are kept, into ``out``.

        Args:
            scope: What besides the units the states depend on, such as an adapter's name.
            units: (P,) the beginning.
            out: (layers, 2, heads, P, D).
        """
        now = next(self._clock)
        begin = 0
        for node, length in self._path(scope, units):
            node.used = now
            out[..., begin : begin + length, :] = node.states[..., :length, :]
            begin += length
        assert begin == len(units), "only a beginning that `match` found can be read"

    def store(
        self, scope: str, units: NDArray[np.int64], begin: int, states: torch.Tensor
    ) -> None:
        """Keep the states of ``units[begin:]``, if those before are still kept.

        Args:
            scope: As for :meth:`read`.
            units: (L,) the whole sequence.
            begin: First position of ``states``.
            states: (layers, 2, heads, L - begin, D); copied.
        """
        if not self.enabled:
            return
        root = self._roots.setdefault(
            scope, _Node(units[:0], states.new_empty(()), None, next(self._clock))
        )
        at, known = root, 0
        now = next(self._clock)
        for node, length in self._path(scope, units):
            known += length
            at = node if length == len(node.units) else self._split(node, length)
            at.used = now
        if known < begin or known == len(units):
            return
        new = _Node(units[known:].copy(), states[..., known - begin :, :].clone(), at, now)
        at.children[int(units[known])] = new
        self._size += new.size
        self._shrink()

    def _path(self, scope: str, units: NDArray[np.int64]) -> list[tuple[_Node, int]]:
        """Nodes along the sequence, each with how much of it agrees."""
        path: list[tuple[_Node, int]] = []
        node, at = self._roots.get(scope), 0
        while node is not None and at < len(units):
            node = node.children.get(int(units[at]))
            if node is None:
                break
            length = common_length(node.units, units[at:])
            path.append((node, length))
            at += length
            if length < len(node.units):
                break
        return path

    def _split(self, node: _Node, length: int) -> _Node:
        """Cut a node in two and return the first."""
        parent = node.parent
        assert parent is not None, "the root is empty"
        first = _Node(node.units[:length], node.states[..., :length, :].clone(), parent, node.used)
        parent.children[int(first.units[0])] = first
        node.units = node.units[length:]
        node.states = node.states[..., length:, :].clone()
        node.parent = first
        first.children[int(node.units[0])] = node
        return first

    def _shrink(self) -> None:
        if self._size <= self._limit:
            return
        leaves = [(leaf.used, id(leaf), leaf) for leaf in self._leaves()]
        heapq.heapify(leaves)
        while self._size > self._limit and leaves:
            _, _, leaf = heapq.heappop(leaves)
            parent = leaf.parent
            assert parent is not None, "roots are never leaves here"
            del parent.children[int(leaf.units[0])]
            self._size -= leaf.size
            if not parent.children and parent.parent is not None:
                heapq.heappush(leaves, (parent.used, id(parent), parent))

    def _leaves(self) -> list[_Node]:
        leaves: list[_Node] = []
        open_ = [child for root in self._roots.values() for child in root.children.values()]
        while open_:
            node = open_.pop()
            open_.extend(node.children.values())
            if not node.children:
                leaves.append(node)
        return leaves
