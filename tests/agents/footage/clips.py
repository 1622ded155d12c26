"""Small video files, each with one property."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

_FORMATS = {2: "gray", 3: "rgb24", 4: "rgba"}


def plain(count: int = 12, size: tuple[int, int] = (48, 64)) -> list[NDArray[np.uint8]]:
    """Return frames whose red rises from frame to frame; the upper half is blue."""
    frames = []
    for number in range(count):
        frame = np.zeros((*size, 3), np.uint8)
        frame[:] = (round(250 * number / max(count - 1, 1)), 40, 30)
        frame[: size[0] // 2] = (0, 0, 255)
        frames.append(frame)
    return frames


def write_clip(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames (H, W), (H, W, 3) or (H, W, 4) uint8, 20 a second or at ``times``."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=20)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        tick = Fraction(1, 1000)
        if times is not None:
            stream.codec_context.time_base = stream.time_base = tick
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, image in enumerate(frames):
            kind = _FORMATS[image.shape[2] if image.ndim == 3 else 2]
            frame = av.VideoFrame.from_ndarray(image, format=kind)
            frame.time_base = Fraction(1, 20) if times is None else tick
            frame.pts = number if times is None else round(times[number] * 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def noise(count: int = 60, size: tuple[int, int] = (64, 96)) -> list[NDArray[np.uint8]]:
    """Return frames that do not compress, so that half a file is half the frames."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(count)]


def cut_in_half(path: Path) -> Path:
    """Throw the second half of a file away."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path
