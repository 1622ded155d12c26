"""What can be said of frames without any model: that there is nothing, or little, to see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["describe_appearance"]

_EVERY = 4  # pixels; enough to tell, and sixteen times faster


def describe_appearance(view: str, frames: NDArray[np.uint8]) -> list[str]:
    """Warn of frames in which a reward model cannot see what it needs.

    Args:
        view: Name of the view.
        frames: (T, H, W, 3) uint8 RGB.

    Returns:
        One sentence for each: grey throughout, frames of a single colour, nothing that moves.

    >>> describe_appearance("front", np.zeros((2, 16, 16, 3), np.uint8))
    ["2 of 2 frames of view 'front' show a single colour."]
    """
    thinned = frames[:, ::_EVERY, ::_EVERY]
    flat = thinned.reshape(len(thinned), -1, 3)  # (T, P, 3)
    blank = int((flat == flat[:, :1]).all(axis=(1, 2)).sum())
    if blank == len(frames):
        return [f"{blank} of {len(frames)} frames of view {view!r} show a single colour."]
    warnings = []
    if blank:
        warnings.append(f"{blank} of {len(frames)} frames of view {view!r} show a single colour.")
    if (flat[..., :1] == flat[..., 1:]).all():
        warnings.append(
            f"View {view!r} is grey; colours that the instruction names cannot be seen in it."
        )
    if len(frames) > 1 and (thinned[1:] == thinned[:1]).all():
        warnings.append(f"Nothing moves in view {view!r}: all {len(frames)} frames are the same.")
    return warnings
