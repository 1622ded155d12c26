"""Named colours that stay apart at 96 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

__all__ = ["PALETTE", "draw_colours"]

PALETTE: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "red": (0.85, 0.07, 0.07),
        "green": (0.05, 0.60, 0.12),
        "blue": (0.07, 0.20, 0.90),
        "yellow": (0.98, 0.88, 0.05),
        "purple": (0.55, 0.10, 0.70),
        "orange": (1.00, 0.46, 0.00),
    }
)
"""Colour name to RGB in [0, 1]; the names are the ones that instructions use."""


def draw_colours(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Draw ``count`` different colour names."""
    return tuple(str(name) for name in rng.choice(list(PALETTE), size=count, replace=False))
