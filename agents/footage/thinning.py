"""Keep a bounded number of evenly spread frames of a stream whose length nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["ThinnedFrames", "thin_numbers"]


@final
class ThinnedFrames:
    """Takes frames one by one; where they get too many, every other one is dropped.

    The frames kept are every ``stride``-th of those taken, ``stride`` a power of two, and always
    the last one: how an episode ends matters most. Memory is bounded by ``limit`` + 1 frames.

    Args:
        limit: Most frames to keep besides the last, at least 2.
        fps: Frames per second to take at most, or ``None`` for all.

    Raises:
        ConfigError: If a limit is out of range.
    """

    def __init__(self, *, limit: int, fps: float | None = None) -> None:
        if limit < 2:
            raise ConfigError(f"`max_frames` must be at least 2, got {limit}.")
        if fps is not None and not 0.0 < fps <= 1_000.0:
            raise ConfigError(f"`fps` must lie in (0, 1000], got {fps}.")
        self._limit, self._fps = limit, fps
        self._frames: NDArray[np.uint8] | None = None
        self._times: list[float] = []
        self._stride, self._taken = 1, 0
        self._next_time = -np.inf
        self._last: tuple[Callable[[], NDArray[np.uint8]], float] | None = None
        self.seen = 0

    @property
    def stride(self) -> int:
        """One of how many frames taken is kept."""
        return self._stride

    def add(self, draw: Callable[[], NDArray[np.uint8]], time: float) -> None:
        """Take the next frame.

        Args:
            draw: Makes the frame, (H, W, 3) uint8 RGB, of one size throughout; called only if
                the frame is kept.
            time: Seconds, rising.
        """
        self.seen += 1
        self._last = (draw, time)
        if self._fps is not None:
            if time < self._next_time - 1e-6:
                return
            due = self._next_time + 1.0 / self._fps
            self._next_time = due if due > time else time + 1.0 / self._fps
        number, self._taken = self._taken, self._taken + 1
        if number % self._stride:
            return
        if len(self._times) == self._limit:
            self._halve()
            if number % self._stride:
                return
        frame = draw()
        if self._frames is None:
            # Pages that are never written to are never paid for.
            self._frames = np.empty((self._limit + 1, *frame.shape), np.uint8)
        self._frames[len(self._times)] = frame
        self._times.append(time)
        self._last = None

    def finish(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the frames kept (T, H, W, 3) and their times (T,); T is 0 if none came."""
        if self._frames is None:
            return np.empty((0, 0, 0, 3), np.uint8), np.empty(0, np.float64)
        if self._last is not None:
            self._frames[len(self._times)] = self._last[0]()
            self._times.append(self._last[1])
            self._last = None
        return self._frames[: len(self._times)], np.asarray(self._times, np.float64)

    def _halve(self) -> None:
        assert self._frames is not None
        for place, kept in enumerate(range(0, len(self._times), 2)):
            self._frames[place] = self._frames[kept]
        self._times = self._times[::2]
        self._stride *= 2


def thin_numbers(count: int, *, limit: int) -> NDArray[np.int64]:
    """Return which of ``count`` frames :class:`ThinnedFrames` keeps.

    >>> thin_numbers(10, limit=4).tolist()
    [0, 4, 8, 9]
    """
    if limit < 2:
        raise ConfigError(f"`max_frames` must be at least 2, got {limit}.")
    stride = 1
    while -(-count // stride) > limit:
        stride *= 2
    numbers = np.arange(0, count, stride)
    return numbers if numbers[-1:] == count - 1 else np.append(numbers, count - 1)
