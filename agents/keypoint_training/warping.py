"""Pictures moved, turned, scaled, mirrored, and their keypoints with them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["draw_warps", "warp_pictures", "warp_pixels"]

_STILL = 0.15  # share of the pictures that stay as they are
_ZOOM, _STRETCH = 0.16, 0.04  # largest logarithms of the scale, and of its aspect
_TURN = 0.10  # rad
_SHIFT = 0.09  # share of the side


def draw_warps(
    mirrored: NDArray[np.bool_],
    turned: NDArray[np.bool_],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw an affine map of pixels for each of N pictures.

    Args:
        mirrored: (N,) bool, where left and right may change places.
        turned: (N,) bool, where up may be anywhere: seen from straight above.
        size: (height, width) of the pictures.
        rng: Source of randomness.

    Returns:
        (N, 2, 3) float64, from pixels (u, v, 1) of the picture to those of the warped one.
    """
    n, (height, width) = len(mirrored), size
    moves = rng.random(n) >= _STILL
    zoom = moves * rng.uniform(-_ZOOM, _ZOOM, n)
    stretch = moves * rng.uniform(-_STRETCH, _STRETCH, n)
    turn = moves * rng.uniform(-1.0, 1.0, n) * np.where(turned, np.pi, _TURN)
    shift = moves[:, None] * rng.uniform(-_SHIFT, _SHIFT, (n, 2)) * (width, height)
    sign = np.where(mirrored & (rng.random(n) < 0.5), -1.0, 1.0)
    across, down = np.exp(zoom + stretch), np.exp(zoom - stretch)
    linear = np.stack(
        [
            np.stack([sign * across * np.cos(turn), -down * np.sin(turn)], -1),
            np.stack([sign * across * np.sin(turn), down * np.cos(turn)], -1),
        ],
        axis=1,
    )  # (N, 2, 2)
    middle = np.array([width, height]) / 2
    moved = middle + shift - linear @ middle
    return np.concatenate([linear, moved[..., None]], axis=-1)


def warp_pixels(pixels: NDArray[np.float32], warps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Move (N, ..., 2) pixels by (N, 2, 3) maps; NaN stays NaN."""
    flat = pixels.reshape(len(pixels), -1, 2)
    moved = flat @ warps[:, :, :2].transpose(0, 2, 1) + warps[:, None, :, 2]
    return moved.reshape(pixels.shape).astype(np.float32)


def warp_pictures(pictures: Tensor, warps: NDArray[np.float64]) -> Tensor:
    """Warp (N, 3, H, W) float32 pictures by (N, 2, 3) maps, repeating the border."""
    height, width = pictures.shape[2:]
    whole = np.tile(np.eye(3), (len(warps), 1, 1))
    whole[:, :2] = warps
    # torch counts from -1 to 1 between the outer edges, and asks where each pixel comes from
    to_pixels = np.array([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1]])
    back = np.linalg.inv(to_pixels) @ np.linalg.inv(whole) @ to_pixels
    theta = torch.from_numpy(back[:, :2].astype(np.float32)).to(pictures.device)
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
