"""Moments of a bag whose images can be read, and the frames of the newest of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import FrameError
from kibble.rewards.frames import resize_frames
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.moments import Moment
from kibble.rewards.ros.images import decode

__all__ = ["DecodedMoments"]

_KEPT = 2  # who samples a stream of moments chooses between the last two


@final
class DecodedMoments:
    """Decodes moments as they come, leaves out those that cannot be, and keeps the last two.

    Args:
        bag: Where they come from.
        size: (height, width) in pixels that frames get, or ``None`` for their own.
    """

    def __init__(self, bag: Bag, *, size: Sequence[int] | None) -> None:
        self._bag, self._size = bag, size
        self._frames: dict[int, dict[str, NDArray[np.uint8]]] = {}  # by stamp
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._unreadable: list[str] = []

    def readable(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Yield the moments of which every image can be read.

        Raises:
            FrameError: If a camera changes the size of its images.
        """
        for moment in moments:
            try:
                frames = {
                    view: decode(self._bag.decode(message), view=view)
                    for view, message in moment.images.items()
                }
            except FrameError as error:
                self._unreadable.append(str(error))
                continue
            if self._size is not None:
                frames = {view: self._resized(view, frame) for view, frame in frames.items()}
            self._check(frames)
            self._frames[moment.stamp] = frames
            if len(self._frames) > _KEPT:
                del self._frames[min(self._frames)]
            yield moment

    def frames(self, moment: Moment) -> dict[str, NDArray[np.uint8]]:
        """Return (H, W, 3) uint8 of each view, of one of the last two moments."""
        return self._frames[moment.stamp]

    def warnings(self) -> list[str]:
        """Say how many moments could not be read."""
        if not self._unreadable:
            return []
        return [
            f"{len(self._unreadable)} moments have an image that cannot be read; they were left "
            f"out. The first: {self._unreadable[0]}"
        ]

    def _resized(self, view: str, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        assert self._size is not None
        if view.endswith(DEPTH_SUFFIX):  # depth in pixels has no mean
            rows, columns = (
                np.arange(wanted) * size // wanted
                for wanted, size in zip(self._size, frame.shape, strict=False)
            )
            return np.asarray(frame[rows[:, None], columns], np.uint8)
        (resized,) = resize_frames(frame[None], (self._size[0], self._size[1]))
        return np.asarray(resized, np.uint8)

    def _check(self, frames: dict[str, NDArray[np.uint8]]) -> None:
        for view, frame in frames.items():
            known = self._shapes.setdefault(view, frame.shape)
            if frame.shape != known:
                raise FrameError(
                    f"Images of one view must have one size, got {known[1]} x {known[0]} and then "
                    f"{frame.shape[1]} x {frame.shape[0]} of view {view!r}; set image_size=."
                )
