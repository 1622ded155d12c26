"""When each frame of a video is shown."""

from __future__ import annotations

from typing import final

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["TimeLine", "describe_intervals"]

_JITTER = 0.25  # containers round times to milliseconds; a share of the interval that is no news


@final
class TimeLine:
    """Reads presentation times, and repairs those of files that have none.

    Args:
        stream: The stream that the frames come from.
        seconds: Length that the container announces, or ``None``.
    """

    def __init__(self, stream: av.video.stream.VideoStream, *, seconds: float | None) -> None:
        self._seconds = seconds
        self._interval = 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
        self._rate_known = bool(stream.average_rate or stream.guessed_rate)
        self._announced = stream.frames
        self._count = self._untimed = self._unordered = 0
        self._first, self._last = 0.0, -np.inf
        self._shortest, self._longest = np.inf, 0.0

    def next(self, frame: av.VideoFrame) -> float:
        """Return the time of the next frame, in seconds; later than the one before it."""
        time = frame.time
        if time is None:
            self._untimed += 1
            time = 0.0 if self._count == 0 else self._last + self._interval
        elif time <= self._last:
            self._unordered += 1
            time = self._last + self._interval
        if self._count:
            self._shortest = min(self._shortest, time - self._last)
            self._longest = max(self._longest, time - self._last)
        else:
            self._first = float(time)
        self._count += 1
        self._last = time
        return float(time)

    def finish(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[str]]:
        """Count times from the first frame, and say what is odd about them.

        Args:
            times: (T,) s, those kept of what :meth:`next` gave, T >= 1.

        Returns:
            (T,) s from 0, and warnings.
        """
        warnings = describe_intervals(self._shortest, self._longest) if self._count > 1 else []
        if self._untimed:
            source = "the stream's rate" if self._rate_known else "an assumed rate"
            warnings.append(
                f"{self._untimed} frames carry no time; {source} of "
                f"{1.0 / self._interval:.3g} frames per second was used."
            )
        if self._unordered:
            warnings.append(f"{self._unordered} frames carry times out of order; moved in order.")
        if 0 < self._count < self._announced:
            warnings.append(
                f"Only {self._count} of the {self._announced} frames that the file announces "
                "could be read: it is trimmed, or cut off."
            )
        elif self._seconds is not None and self._lasted() < 0.9 * self._seconds:
            warnings.append(
                f"The frames end after {self._lasted():.3g} s of the {self._seconds:.3g} s that "
                "the file announces: it is trimmed, or cut off."
            )
        return times - times[0], warnings

    def _lasted(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self._last - self._first + max(self._interval, self._longest)


def describe_intervals(shortest: float, longest: float) -> list[str]:
    """Say that a frame rate varies, if it does.

    >>> describe_intervals(0.05, 0.05)
    []
    >>> describe_intervals(0.04, 0.2)
    ['The frame rate varies: frames are 0.04 to 0.2 s apart; times are as recorded.']
    """
    if longest <= shortest * (1.0 + _JITTER):
        return []
    return [
        f"The frame rate varies: frames are {shortest:.3g} to {longest:.3g} s apart; "
        "times are as recorded."
    ]
