"""From heatmaps to pixels, to parts of a pixel."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kibble.rewards.keypoints.embedded.network import STRIDE, Sight

__all__ = ["Points", "read_points"]

_REACH = 2  # cells around the highest one that have a say


class Points(NamedTuple):
    """Keypoints of N pictures.

    Args:
        pixels: (N, R, 2) float32, (u, v) in pixels of the network's picture.
        confidence: (N, R) float32 in [0, 1]: that the role is there, times the share of the
            heatmap that agrees with the place.
        visible: (N, R) float32 in [0, 1]: that nothing hides it.
    """

    pixels: Tensor
    confidence: Tensor
    visible: Tensor


def read_points(sight: Sight, *, width: int) -> Points:
    """Read the place of every role off its heatmap.

    The mean of cells plus offsets over the neighbourhood of the highest cell, weighted by the
    heat: two peaks are never averaged into a place between them.

    Args:
        sight: What the network sees.
        width: Cells in a row of the heatmap.
    """
    heat = sight.heat.softmax(dim=-1)  # (N, R, P)
    cell = torch.arange(heat.shape[-1], device=heat.device)
    column, row = cell % width, cell // width  # (P,)
    peak = heat.argmax(dim=-1, keepdim=True)  # (N, R, 1)
    near = ((column - column[peak]).abs() <= _REACH) & ((row - row[peak]).abs() <= _REACH)
    weights = heat * near
    mass = weights.sum(dim=-1)  # (N, R)
    middles = torch.stack([column, row]) + 0.5  # (2, P)
    places = (weights[:, :, None] * (middles + sight.offsets)).sum(dim=-1) / mass[..., None]
    states = sight.states.softmax(dim=-1)
    return Points(
        pixels=STRIDE * places,
        confidence=((1.0 - states[..., 0]) * mass).clamp(0.0, 1.0),
        visible=states[..., 2],
    )
