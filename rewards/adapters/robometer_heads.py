"""The heads that Robometer adds to a vision-language model: hidden states to logits, by NumPy."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import WeightsError

__all__ = ["Head", "read_heads"]

_PLACES = ("0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias")
_erf = np.vectorize(math.erf, otypes=[np.float64])


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """Linear D -> D/2, layer norm, GELU, linear D/2 -> O.

    Args:
        first: (D/2, D) float32 weights and (D/2,) biases of the first linear layer.
        norm: (D/2,) float32 scales and shifts of the layer norm.
        last: (O, D/2) float32 weights and (O,) biases of the second linear layer.

    Source:
        github.com/robometer/robometer, robometer/models/heads.py; places 0, 1 and 4 of its
        ``nn.Sequential``, in which GELU and dropout hold nothing.
    """

    first: tuple[NDArray[np.float32], NDArray[np.float32]]
    norm: tuple[NDArray[np.float32], NDArray[np.float32]]
    last: tuple[NDArray[np.float32], NDArray[np.float32]]

    @property
    def mark(self) -> str:
        """Fingerprint of the weights."""
        content = hashlib.sha256()
        for array in (*self.first, *self.norm, *self.last):
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()[:16]

    def __call__(self, states: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (K, O) float64 logits of (K, D) hidden states."""
        hidden = states.astype(np.float64) @ self.first[0].T + self.first[1]  # (K, D/2)
        centred = hidden - hidden.mean(axis=1, keepdims=True)
        spread = np.sqrt(centred.var(axis=1, keepdims=True) + 1e-5)  # torch's default epsilon
        normed = centred / spread * self.norm[0] + self.norm[1]
        active = 0.5 * normed * (1.0 + _erf(normed / math.sqrt(2.0)))
        logits: NDArray[np.float64] = active @ self.last[0].T + self.last[1]
        return logits


def read_heads(directory: Path) -> tuple[Head, Head]:
    """Read the progress head and the success head of a checkpoint.

    Args:
        directory: Where its ``.safetensors`` files lie, one or several with an index.

    Returns:
        The heads of progress, O >= 2 bins, and of success, O = 1.

    Raises:
        WeightsError: If a head is missing, or its shapes are not those of a head.
    """
    files = _files(directory)
    progress = _head(files, "progress_head", directory)
    success = _head(files, "success_head", directory)
    width = progress.first[0].shape[1]
    bins, one = len(progress.last[1]), len(success.last[1])
    if bins < 2 or one != 1 or success.first[0].shape[1] != width:
        raise WeightsError(
            f"'{directory}' must have a progress head of 2 bins or more and a success head of 1 "
            f"output, both of one width, got {bins} and {one} of widths {width} and "
            f"{success.first[0].shape[1]}; checkpoints with a continuous progress head are not "
            "supported."
        )
    return progress, success


def _files(directory: Path) -> Mapping[str, Path]:
    """Tensor name to the file that holds it."""
    from safetensors import SafetensorError, safe_open

    index = directory / "model.safetensors.index.json"
    if index.is_file():
        placed = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return {name: directory / file for name, file in placed.items()}
    files: dict[str, Path] = {}
    for path in sorted(directory.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as tensors:
                files.update(dict.fromkeys(tensors.keys(), path))
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"'{path}' must hold weights, but it cannot be read.") from error
    return files


def _head(files: Mapping[str, Path], name: str, directory: Path) -> Head:
    from safetensors import SafetensorError, safe_open

    arrays = []
    for place in _PLACES:
        tensor = f"{name}.{place}"
        if tensor not in files:
            raise WeightsError(
                f"'{directory}' must hold {tensor!r}, one of Robometer's heads, and does not; "
                "give the weights of Robometer itself, not of the model that it began from."
            )
        try:
            with safe_open(files[tensor], framework="pt") as tensors:
                arrays.append(tensors.get_tensor(tensor).float().numpy())  # bf16 is torch's alone
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"'{files[tensor]}' must hold {tensor!r}, and is damaged."
            ) from error
    w0, b0, w1, b1, w4, b4 = arrays
    half = len(b0)
    shapes = (w0.ndim == 2 and w0.shape[0] == half, w1.shape == b1.shape == (half,))
    if not all(shapes) or w4.shape != (len(b4), half):
        raise WeightsError(
            f"'{directory}' must hold {name} of shapes (H, D), (H), (H), (H), (O, H), (O), got "
            f"{[array.shape for array in arrays]}."
        )
    return Head(first=(w0, b0), norm=(w1, b1), last=(w4, b4))
