"""Store nested dicts and lists of numbers, arrays and tensors without running code at load."""

from __future__ import annotations

import pickle
import zipfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.rewards.errors import CheckpointError

__all__ = ["load_tree", "save_tree"]

_ARRAY = "__array__"
_SCALAR = "__scalar__"
_TUPLE = "__tuple__"
_PLAIN = (bool, int, float, str, bytes, type(None))


def save_tree(path: Path, tree: Mapping[str, object]) -> None:
    """Write a tree of dicts, lists, tuples, numbers, strings, arrays and tensors.

    Args:
        path: The file.
        tree: The tree; arrays of numbers and booleans alone.

    Raises:
        TypeError: If it holds anything else.
    """
    torch.save(_encode(tree, "state"), path)


def load_tree(path: Path) -> dict[str, object]:
    """Read what :func:`save_tree` wrote; arrays come back as NumPy arrays, bit for bit.

    Raises:
        CheckpointError: If the file is damaged.
    """
    try:
        raw = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"'{path}' must hold a saved state, but it cannot be read: "
            f"{str(error).splitlines()[0]}. Restore it from a copy, or use an older checkpoint."
        ) from error
    return cast("dict[str, object]", _decode(raw))


def _encode(value: object, name: str) -> object:
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(np.ascontiguousarray(value)), "shape": value.shape}
    if isinstance(value, np.generic):
        return {_SCALAR: torch.from_numpy(np.array([value]))}
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _encode(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_encode(item, name) for item in value]}
    if isinstance(value, list | deque):
        return [_encode(item, name) for item in value]
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"`{name}` cannot be stored: {type(value).__name__}.")


def _decode(value: object) -> object:
    if isinstance(value, dict):
        if _ARRAY in value:
            array: NDArray[np.generic] = cast("torch.Tensor", value[_ARRAY]).numpy()
            return array.reshape(cast("tuple[int, ...]", value["shape"]))
        if _SCALAR in value:
            return cast("torch.Tensor", value[_SCALAR]).numpy()[0]
        if _TUPLE in value:
            return tuple(_decode(item) for item in cast("list[object]", value[_TUPLE]))
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value
