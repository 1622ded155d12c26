"""Pictures of a camera device, or of a video played in real time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError

__all__ = ["live_pictures"]

_ROUNDING = 1e-3  # s, of a container's times


def live_pictures(
    source: str,
    *,
    image_size: Sequence[int] = (),
    rate: float | None = None,
    loop: bool = True,
    stopped: threading.Event | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[NDArray[np.uint8]]:
    """Yield each picture when it is due, until told to stop or at the end of a video.

    What takes its picture too late for the next one skips those in between.

    Args:
        source: A device such as ``/dev/video0``, or a video file.
        image_size: (height, width) in pixels, or empty for as they come.
        rate: Pictures per second at most, or ``None`` for as they come.
        loop: Whether a video begins again at its end.
        stopped: Ends it when it is set.
        monotonic: The time, s.

    Yields:
        (H, W, 3) uint8 RGB.

    Raises:
        FrameError: If there is no such device or file, it holds no pictures, or a device goes.
    """
    stopped = threading.Event() if stopped is None else stopped
    device = Path(source).is_char_device()
    size = tuple(image_size)
    began = monotonic()
    next_due = 0.0
    while True:
        shown, length = 0, 0.0
        for seconds, frame in _decoded(source, device=device, size=size, rate=rate):
            if stopped.is_set():
                return
            length = max(length, seconds + (1.0 / rate if rate else 0.04))
            shown += 1
            if rate and seconds + _ROUNDING < next_due:
                continue
            next_due += 1.0 / rate if rate else 0.0
            if not device:
                ahead = began + seconds - monotonic()
                if ahead < -1.0:  # far too late: go on from here
                    began -= ahead
                elif stopped.wait(max(ahead, 0.0)):
                    return
            height, width = size or (frame.height, frame.width)
            yield cast(
                "NDArray[np.uint8]", frame.to_ndarray(format="rgb24", width=width, height=height)
            )
        if device or not shown:
            gone = "no pictures (any more)"
            raise FrameError(f"`input` must give pictures, got {gone} from '{source}'.")
        if not loop:
            return
        began, next_due = began + length, 0.0


def _decoded(
    source: str, *, device: bool, size: Sequence[int], rate: float | None
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the time of each picture, s since the first, and the picture."""
    options: dict[str, str] = {}
    if device and size:
        options["video_size"] = f"{size[1]}x{size[0]}"
    if device and rate:
        options["framerate"] = f"{rate:g}"
    with contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(
                av.open(source, format="v4l2" if device else None, options=options)
            )
            first: float | None = None
            for number, frame in enumerate(container.decode(video=0)):
                seconds = number / 25.0 if frame.time is None else float(frame.time)
                first = seconds if first is None else first
                yield seconds - first, frame
        except (OSError, av.error.FFmpegError, IndexError) as error:
            raise FrameError(
                f"`input` must be a camera or a video that can be read, got '{source}': {error}. "
                "A camera that something else uses, or that lacks this size or rate, is refused: "
                "try image_size=[] and rate=null."
            ) from error
