"""A closer look at a point in free space that was chosen by its tile alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.prompting.annotated import Mark, annotate
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.side_by_side import side_by_side
from kibble.rewards.keypoints.prompting.slots import Slot
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import Role

__all__ = ["CloseUp", "close_up"]

_FINER = Tiles(columns=6, rows=6)
_WIDTH = 2.0  # tiles of the coarse grid that are shown


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloseUp:
    """The part of a frame around a point.

    Args:
        picture: (H', W', 3) uint8 RGB: the whole frame with the point, and the part with a grid.
        slot: What is asked for: a tile of the part.
        corner: (u, v) pixels of the part's upper left corner in the frame.
    """

    picture: NDArray[np.uint8]
    slot: Slot
    corner: tuple[int, int]


def close_up(
    frame: NDArray[np.uint8],
    view: str,
    role: Role,
    at: tuple[float, float],
    settings: PromptSettings,
) -> CloseUp:
    """Enlarge two tiles around a point, and lay a grid of 6 by 6 over them.

    Args:
        frame: (H, W, 3) uint8 RGB.
        view: Its name.
        role: What the point is.
        at: (u, v) pixels of it.
        settings: How the frame is shown.
    """
    height, width = frame.shape[:2]
    wide = min(width, max(6, round(_WIDTH * width / settings.tiles.columns)))
    high = min(height, max(6, round(_WIDTH * height / settings.tiles.rows)))
    left = round(min(max(at[0] - wide / 2, 0), width - wide))
    top = round(min(max(at[1] - high / 2, 0), height - high))
    whole = annotate(
        frame, size=settings.size, caption=view, marks=[Mark(label=role.value, pixel=at)]
    )
    part = annotate(
        np.ascontiguousarray(frame[top : top + high, left : left + wide]),
        size=settings.size,
        caption=f"{view}, enlarged",
        tiles=_FINER,
    )
    return CloseUp(
        picture=side_by_side([whole.pixels, part.pixels]),
        slot=Slot(view=view, role=role, marks={}, tiles=_FINER, size=(high, wide)),
        corner=(left, top),
    )
