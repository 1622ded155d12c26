"""What may change about an image without changing what it shows, and what spoils it."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Tint", "shifted", "spoiled"]

_NOISE_IMAGES = 8


def shifted(images: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Shift (N, H, W, 3) images by whole pixels, repeating the border."""
    height, width = images.shape[1:3]
    down = np.clip(np.arange(height) - rows, 0, height - 1)
    right = np.clip(np.arange(width) - columns, 0, width - 1)
    return images[:, down][:, :, right]


def spoiled(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a broken camera gives: black, one colour all over, or noise.

    Args:
        shape: (..., H, W, 3).
        rng: Source of the choice and of the noise.

    Returns:
        uint8 images of that shape.
    """
    kind = rng.integers(3)
    if kind == 0:
        return np.zeros(shape, np.uint8)
    if kind == 1:
        colour = rng.integers(256, size=3).astype(np.uint8)
        return np.broadcast_to(colour, shape).copy()
    return rng.integers(256, size=shape, dtype=np.uint8)


@final
class Tint:
    """Brightness, tint and noise that leave colour names alone.

    Args:
        height: Height of the images, pixels.
        width: Width of the images, pixels.
        dtype: Dtype of the result.
        rng: Source of every draw.
    """

    def __init__(
        self, height: int, width: int, *, dtype: torch.dtype, rng: np.random.Generator
    ) -> None:
        self._rng, self._dtype = rng, dtype
        noise = rng.standard_normal((_NOISE_IMAGES, height, width, 3))
        self._noise = torch.from_numpy(noise.astype(np.float32)).permute(0, 3, 1, 2).to(dtype)

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Turn uint8 images into floats, each clip and view with a look of its own.

        Args:
            images: (B, T, V, H, W, 3) uint8.

        Returns:
            (B T V, 3, H, W) in [0, 1], channels last in memory.
        """
        rng = self._rng
        b, t, v, height, width, _ = images.shape
        flat = torch.from_numpy(images.reshape(b * t * v, height, width, 3)).permute(0, 3, 1, 2)
        pixels = flat.to(self._dtype).div_(255.0)
        changed = rng.random((b, 1, v, 1)) < 0.6
        gain = 1.0 + changed * rng.normal(0.0, [0.06, 0.0, 0.0], (b, 1, v, 3))[..., :1]
        gain = gain + changed * rng.normal(0.0, 0.03, (b, 1, v, 3))
        offset = changed * rng.normal(0.0, 0.02, (b, 1, v, 1))
        amount = changed * rng.uniform(0.0, 0.03, (b, 1, v, 1)) * rng.choice([-1, 1], (b, t, v, 1))

        def each(values: NDArray[np.float64]) -> Tensor:
            whole = np.broadcast_to(values, (b, t, v, values.shape[-1])).reshape(b * t * v, -1)
            return torch.from_numpy(whole[:, :, None, None].copy()).to(self._dtype)

        noise = self._noise[rng.integers(_NOISE_IMAGES, size=b * t * v)]
        pixels.mul_(each(gain)).add_(each(offset)).addcmul_(noise, each(amount))
        return pixels.clamp_(0.0, 1.0)
