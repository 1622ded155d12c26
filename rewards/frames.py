"""Checks and reshaping of camera frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kibble.rewards.errors import FrameError
from kibble.rewards.types import Frames

__all__ = ["check_frames", "concatenate_frames", "resize_frames", "single_frame"]


def check_frames(frames: Frames, *, views: Iterable[str] = (), count: int | None = None) -> int:
    """Check that frames are what the vocabulary says and return N.

    Args:
        frames: View name to (N, H, W, 3) uint8 RGB.
        views: Views that must be there.
        count: The N that is expected, or ``None`` for any.

    Returns:
        N, the number of frames in each view.

    Raises:
        FrameError: If a view is missing, a dtype or shape is wrong, or the counts differ.

    >>> check_frames({"front": np.zeros((2, 8, 8, 3), np.uint8)}, views=["front"])
    2
    """
    if not isinstance(frames, Mapping) or not frames:
        raise FrameError(
            f"`frames` must map view names to arrays, got {type(frames).__name__} of "
            f"{len(frames) if isinstance(frames, Mapping) else 'no'} views; pass for example "
            "{'front': array of shape (1, 96, 96, 3)}."
        )
    for view in views:
        if view not in frames:
            raise FrameError(
                f"View {view!r} is required, got views {sorted(frames)}; add the camera to the "
                "environment's `views`, or choose a reward model that does without it."
            )
    for view, array in frames.items():
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
            kind = getattr(array, "dtype", type(array).__name__)
            raise FrameError(
                f"Frames of view {view!r} must be a uint8 NumPy array, got {kind}; "
                "scale to [0, 255] and convert with `.astype(np.uint8)`."
            )
        if array.ndim != 4 or array.shape[3] != 3 or 0 in array.shape[1:3]:
            raise FrameError(
                f"Frames of view {view!r} must have shape (N, H, W, 3), got {array.shape}; "
                "add the leading axis with `frame[None]`, and drop alpha with `[..., :3]`."
            )
    counts = {view: len(array) for view, array in frames.items()}
    expected = next(iter(counts.values())) if count is None else count
    if any(n != expected for n in counts.values()):
        raise FrameError(
            f"Every view must hold {expected} frames, got {counts}; "
            "pass one frame per episode in each view."
        )
    return expected


def single_frame(view: str, image: NDArray[np.uint8]) -> Frames:
    """Wrap one (H, W, 3) uint8 RGB image as frames of one view with N = 1."""
    return {view: np.ascontiguousarray(image)[None]}


def concatenate_frames(batch: Sequence[Frames]) -> Frames:
    """Stack frames along N; the views common to all are kept.

    Raises:
        FrameError: If the batch is empty, no view is common, or sizes within a view differ.
    """
    if not batch:
        raise FrameError("`batch` must hold at least one set of frames, got none.")
    views = [view for view in batch[0] if all(view in frames for frames in batch)]
    if not views:
        raise FrameError(
            f"The sets of frames must share a view, got {[sorted(frames) for frames in batch]}."
        )
    for view in views:
        sizes = {frames[view].shape[1:] for frames in batch}
        if len(sizes) > 1:
            raise FrameError(
                f"Frames of view {view!r} must have one size to be batched, got {sorted(sizes)}; "
                "give every environment the same `image_size`."
            )
    return {view: np.concatenate([frames[view] for frames in batch]) for view in views}


def resize_frames(images: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Resize (N, H, W, 3) uint8 RGB to ``size`` = (height, width) by an antialiased filter.

    ``None`` leaves them as they are.
    """
    if size is None:
        return images
    height, width = size
    if images.shape[1:3] == (height, width):
        return images
    resized = [
        np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        for image in images
    ]
    return np.stack(resized) if resized else np.empty((0, height, width, 3), np.uint8)
