"""Read the frames of a video file and the times at which they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from kibble.agents.footage.thinning import ThinnedFrames
from kibble.agents.footage.timing import TimeLine
from kibble.rewards.errors import FrameError

__all__ = ["MAX_FRAMES", "MAX_SIDE", "MIN_SIDE", "Video", "open_video", "read_video"]

MAX_FRAMES = 600
"""Frames kept of one view unless more are asked for: half a minute at 20 per second."""
MAX_SIDE = 480
"""Longest side in pixels of the frames kept; larger ones are made smaller as they are decoded."""
MIN_SIDE = 16
"""Shortest side in pixels in which there is anything to see."""

_NOT_VIDEO = frozenset({"tty", "ansi", "subtitles"})  # FFmpeg draws text files as video


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Video:
    """A decoded video.

    Args:
        frames: (T, H, W, 3) uint8 RGB, upright, square pixels, T >= 1.
        times: (T,) float64 s since the first frame, strictly rising.
        size: (height, width) in pixels as shown, before being made smaller.
        seen: Frames that the file holds; more than T if some were left out.
        warnings: What a user should know of it, one sentence each.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    size: tuple[int, int]
    seen: int
    warnings: tuple[str, ...]


def read_video(
    path: str | Path,
    *,
    fps: float | None = None,
    max_frames: int = MAX_FRAMES,
    max_side: int = MAX_SIDE,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Read a video; as :func:`open_video`, without what it warns of.

    Returns:
        Frames (T, H, W, 3) uint8 RGB and times (T,) float64 s since the first frame.
    """
    video = open_video(path, fps=fps, max_frames=max_frames, max_side=max_side)
    return video.frames, video.times


def open_video(
    path: str | Path,
    *,
    fps: float | None = None,
    max_frames: int = MAX_FRAMES,
    max_side: int = MAX_SIDE,
) -> Video:
    """Decode a video file in one pass and bounded memory.

    Times are presentation times, so a variable frame rate is kept as recorded. Rotation and
    pixel aspect are applied, grey becomes RGB, alpha is composited over black (or dropped by
    decoders that do not give it, such as FFmpeg's own of VP9). Where the file holds more than
    ``max_frames``, every 2nd, 4th, … is kept, and the last one always.

    Args:
        path: The file, in any format that FFmpeg reads.
        fps: Frames per second to take at most, or ``None`` for all.
        max_frames: Most frames to keep besides the last.
        max_side: Longest side of the frames in pixels.

    Returns:
        The video.

    Raises:
        FrameError: If the file is missing, is no video, is broken, holds no frames, or shows
            fewer than 16 pixels a side.
        ConfigError: If a limit is out of range.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing there"
        raise FrameError(f"A video must be a file, got {found} at '{path}'; check the path.")
    if path.stat().st_size == 0:
        raise FrameError(
            f"A video must hold frames, got the empty file '{path}'; copy or record it again."
        )
    kept = ThinnedFrames(limit=max_frames, fps=fps)
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            return _decode(container, path, kept, max_side)
    except av.error.EOFError as error:
        raise _empty(path) from error
    except av.error.FFmpegError as error:
        broken = f"breaks off after {kept.seen} frames" if kept.seen else "is broken or no video"
        raise FrameError(
            f"A video must be a whole file that FFmpeg can decode, got '{path}', which {broken} "
            f"({error.strerror}); copy or record it again."
        ) from error


def _decode(
    container: av.container.InputContainer, path: Path, kept: ThinnedFrames, max_side: int
) -> Video:
    stream = _picture_stream(container, path)
    times = TimeLine(stream, seconds=_announced_seconds(container, stream))
    canvas: _Canvas | None = None
    for frame in container.decode(stream):
        if canvas is None:
            canvas = _Canvas(frame, stream, path, max_side)
        canvas.note(frame)
        kept.add(partial(canvas.draw, frame), times.next(frame))
    frames, seconds = kept.finish()
    if canvas is None or not len(frames):
        raise _empty(path)
    seconds, warnings = times.finish(seconds)
    if kept.seen > len(frames):
        warnings.append(
            f"{len(frames)} of {kept.seen} frames were kept, evenly spread; "
            "set max_frames= or fps= to keep others."
        )
    return Video(
        frames=frames,
        times=seconds,
        size=canvas.size,
        seen=kept.seen,
        warnings=(*warnings, *canvas.warnings()),
    )


def _empty(path: Path) -> FrameError:
    return FrameError(
        f"A video must hold frames, got '{path}' with none; copy or record it again."
    )


def _picture_stream(
    container: av.container.InputContainer, path: Path
) -> av.video.stream.VideoStream:
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not pictures or container.format.name in _NOT_VIDEO:
        kinds = sorted({str(stream.type) for stream in container.streams}) or ["none"]
        raise FrameError(
            f"A video must hold a stream of pictures, got '{path}' ({container.format.long_name}; "
            f"streams: {', '.join(kinds)}); give a video file such as .mp4, .webm or .mkv."
        )
    return pictures[0]


def _announced_seconds(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> float | None:
    """Length that the container claims for the pictures, or None where it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


class _Canvas:
    """Turns decoded frames into upright RGB of one size."""

    def __init__(
        self,
        first: av.VideoFrame,
        stream: av.video.stream.VideoStream,
        path: Path,
        max_side: int,
    ) -> None:
        if max_side < MIN_SIDE:
            raise FrameError(f"`max_side` must be at least {MIN_SIDE} pixels, got {max_side}.")
        self._stored = (first.height, first.width)
        aspect = float(stream.sample_aspect_ratio or 1) or 1.0
        height, width = first.height, max(round(first.width * aspect), 1)
        if min(height, width) < MIN_SIDE:
            raise FrameError(
                f"A video must show at least {MIN_SIDE} x {MIN_SIDE} pixels, got '{path}' with "
                f"{first.width} x {first.height}; there is nothing to see in it."
            )
        self._turns, self._odd_angle = divmod(first.rotation % 360, 90)
        scale = min(max_side / max(height, width), 1.0)
        self._drawn = (max(round(height * scale), 1), max(round(width * scale), 1))
        self.size = (width, height) if self._turns % 2 else (height, width)
        self._resized = self._transparent = self._corrupt = 0

    def note(self, frame: av.VideoFrame) -> None:
        """Take note of what is odd about a frame, kept or not."""
        self._resized += (frame.height, frame.width) != self._stored
        self._corrupt += bool(frame.is_corrupt)

    def draw(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8 RGB."""
        has_alpha = any(component.is_alpha for component in frame.format.components)
        image = frame.reformat(
            width=self._drawn[1],
            height=self._drawn[0],
            format="rgba" if has_alpha else "rgb24",
            interpolation="AREA" if self._drawn != self._stored else None,
        ).to_ndarray()
        if has_alpha:
            alpha = image[..., 3:].astype(np.uint16)  # (H, W, 1)
            self._transparent += bool((alpha < 255).any())
            image = ((image[..., :3] * alpha + 127) // 255).astype(np.uint8)
        return np.ascontiguousarray(np.rot90(image, self._turns))

    def warnings(self) -> list[str]:
        """Say what was done to the frames that a user might not expect."""
        said = []
        if self._transparent:
            said.append("Frames are partly transparent; they were composited over black.")
        if self._resized:
            said.append(f"{self._resized} frames have another size and were scaled to the first.")
        if self._corrupt:
            said.append(f"{self._corrupt} frames are damaged in the file.")
        if self._odd_angle:
            said.append("The rotation is no quarter turn and was not applied in full.")
        return said
