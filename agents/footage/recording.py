"""Turn whole recorded episodes, from a dataset or from a run, into footage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.agents.footage.footage import Footage
from kibble.agents.footage.sources import Views, rename_views
from kibble.agents.footage.thinning import thin_numbers
from kibble.agents.footage.video import MAX_FRAMES, MAX_SIDE, MIN_SIDE
from kibble.rewards.errors import FrameError
from kibble.rewards.frames import resize_frames
from kibble.rewards.types import Frames

__all__ = ["recorded_footage"]


def recorded_footage(
    frames: Frames,
    *,
    name: str,
    interval: float,
    instruction: str | None,
    oracle: NDArray[np.float32] | None,
    views: Views = None,
    max_frames: int = MAX_FRAMES,
    max_side: int = MAX_SIDE,
) -> Footage:
    """Choose views, thin and shrink one recorded episode.

    Args:
        frames: (T, H, W, 3) uint8 RGB per view.
        name: Short name for titles and folders.
        interval: Seconds between frames.
        instruction: What was wanted, blank or ``None`` where nobody says.
        oracle: (T,) progress that the simulator knew, or ``None``.
        views: Which views to use, and under which names; see :func:`rename_views`.
        max_frames: Most frames to keep besides the last.
        max_side: Longest side in pixels.

    Returns:
        The footage; times count from 0 in steps of ``interval``.

    Raises:
        ConfigError: If a view is not there or a limit is out of range.
        FrameError: If a view is too small to show anything.
    """
    chosen = rename_views(list(frames), views, where=name)
    count = len(next(iter(frames.values())))
    numbers = thin_numbers(count, limit=max_frames)  # (T',)
    warnings = []
    if len(numbers) < count:
        warnings.append(
            f"{len(numbers)} of {count} frames were kept, evenly spread; "
            "set max_frames= to keep more."
        )
    return Footage(
        name=name,
        frames={
            view: _shrink(frames[stored][numbers], max_side, view)
            for view, stored in chosen.items()
        },
        times=np.asarray(numbers * interval, np.float64),
        instruction=(instruction or "").strip() or None,
        oracle=None if oracle is None else np.asarray(oracle[numbers], np.float32),
        warnings=tuple(warnings),
    )


def _shrink(images: NDArray[np.uint8], max_side: int, view: str) -> NDArray[np.uint8]:
    height, width = images.shape[1:3]
    if min(height, width) < MIN_SIDE:
        raise FrameError(
            f"Frames must show at least {MIN_SIDE} x {MIN_SIDE} pixels, got view {view!r} with "
            f"{width} x {height}; there is nothing to see in it."
        )
    scale = min(max_side / max(height, width), 1.0)
    return resize_frames(images, (max(round(height * scale), 1), max(round(width * scale), 1)))
