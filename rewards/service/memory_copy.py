"""Copies of what models remember, and how large it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np

__all__ = ["copied_memory", "memory_bytes"]

_IMMUTABLE = (int, float, str, bytes, bool, type(None))


def copied_memory(memory: Mapping[str, object]) -> dict[str, object]:
    """Copy an episode's memory so that neither copy sees what happens to the other.

    Arrays and tensors that are parts of larger ones are copied without the rest; whole arrays
    that nobody may write to, such as the frames of a video so far, are shared.
    """
    return {name: _copied(value) for name, value in memory.items()}


def memory_bytes(value: object) -> int:
    """Estimate the bytes that a value holds: arrays, tensors, texts and containers of them.

    >>> memory_bytes({"last": np.zeros(100)})
    868
    """
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, Mapping):
        return sum(64 + memory_bytes(inner) for inner in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(64 + memory_bytes(inner) for inner in value)
    return 32


def _copied(value: object) -> object:
    if isinstance(value, _IMMUTABLE):
        return value
    if isinstance(value, np.ndarray):
        return value if value.flags.owndata and not value.flags.writeable else value.copy()
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if type(value) is list:
        return [_copied(inner) for inner in value]
    clone = getattr(value, "clone", None)  # a tensor; no torch here
    return copy.deepcopy(value) if clone is None else clone()
