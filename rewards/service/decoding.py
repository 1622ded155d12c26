"""From encoded pictures to frames that suit a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from kibble.rewards.frames import resize_frames
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import EncodedPicture, decode_picture
from kibble.rewards.service.wire import EncodedFrames
from kibble.rewards.types import Frames, ModelSpec

__all__ = ["check_views", "decoded_frames", "is_quick", "single"]


def check_views(spec: ModelSpec, views: Iterable[str]) -> None:
    """Check that a model can do with these views.

    Raises:
        ServiceError: ``unsuitable`` if one is missing that it cannot do without.
    """
    given = set(views)
    missing = [view for view in spec.required_views if view not in given]
    if missing or not given.intersection(spec.views):
        raise ServiceError(
            Code.UNSUITABLE,
            f"Reward model {spec.name!r} needs the views {list(spec.required_views)} and knows "
            f"{list(spec.views)}, got {sorted(given)}; name the camera's view so.",
        )


def single(pictures: Mapping[str, EncodedPicture]) -> EncodedFrames:
    """Return pictures as frames with N = 1."""
    return {view: (picture,) for view, picture in pictures.items()}


def is_quick(frames: EncodedFrames, spec: ModelSpec) -> bool:
    """Whether decoding is so little work that no thread is worth it."""
    return all(
        picture.format == "raw" and spec.image_size in (None, (picture.height, picture.width))
        for view in frames
        if view in spec.views
        for picture in frames[view]
    )


def decoded_frames(frames: EncodedFrames, spec: ModelSpec) -> Frames:
    """Decode the views that a model knows, at the size at which it works.

    Returns:
        (N, H, W, 3) uint8 RGB per view.

    Raises:
        ServiceError: ``bad_picture`` if a picture cannot be decoded, or those of one view differ
            in size where the model takes any.
    """
    suited: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = {}
    for view in spec.views:
        if view not in frames:
            continue
        column = [
            resize_frames(decode_picture(picture)[None], spec.image_size)
            for picture in frames[view]
        ]
        sizes = {images.shape[1:3] for images in column}
        if len(sizes) != 1:
            raise ServiceError(
                Code.BAD_PICTURE,
                f"Pictures of view {view!r} must have one size, got {sorted(sizes)}; resize them.",
            )
        suited[view] = column[0] if len(column) == 1 else np.concatenate(column)
    return suited
