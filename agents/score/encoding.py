"""Write videos that every browser plays, with the times that the frames really have."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["write_h264"]

_TICK = Fraction(1, 90_000)  # s; the clock of MPEG
_ALONE = 0.5  # s that a single frame is shown
_BETWEEN_KEYS = 10  # frames; few, so that a page can seek quickly


def write_h264(
    path: Path,
    images: Iterable[NDArray[np.uint8]],
    times: NDArray[np.float64],
    *,
    quality: int = 20,
) -> None:
    """Write an mp4: H.264, yuv420p, index first.

    Args:
        path: The file.
        images: T times (H, W, 3) uint8 RGB, H and W even.
        times: (T,) s from 0, rising; the last frame is shown as long as the median one.
        quality: Rate factor, lower is better and larger.
    """
    ticks = np.round(times / float(_TICK)).astype(np.int64)  # (T,)
    gaps = np.diff(ticks)
    held = int(np.median(gaps)) if len(gaps) else round(_ALONE / float(_TICK))
    durations = np.append(gaps, held)
    pending = iter(images)
    first = next(pending)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = _TICK
        stream.codec_context.gop_size = _BETWEEN_KEYS
        stream.codec_context.max_b_frames = 0  # packets then come in the order of frames
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        frames = _frames(itertools.chain([first], pending), ticks)
        packets = itertools.chain.from_iterable(map(stream.encode, frames))
        for packet, duration in zip(packets, durations.tolist(), strict=True):
            packet.duration = duration
            container.mux(packet)


def _frames(
    images: Iterable[NDArray[np.uint8]], ticks: NDArray[np.int64]
) -> Iterator[av.VideoFrame | None]:
    """Yield frames with their times, and None, which makes an encoder give what it holds."""
    for image, tick in zip(images, ticks.tolist(), strict=True):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = tick, _TICK
        yield frame
    yield None
