"""Videos of a LeRobot dataset: several episodes' frames in one mp4, read back by time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.layout import write_at_once
from kibble.rewards.errors import CheckpointError, ConfigError

__all__ = ["read_video_span", "write_video"]

_OPTIONS = {"crf": "18", "g": "2", "preset": "veryfast"}  # a key frame every second frame


def write_video(
    path: Path, episodes: Iterable[NDArray[np.uint8]], *, fps: float
) -> list[tuple[float, float]]:
    """Encode episodes one after another as H.264, yuv420p, in one step.

    Args:
        path: Such as ``Place.numbered(shard).path(folder, VIDEO_PATH, video_key=feature)``.
        episodes: (N, H, W, 3) uint8 RGB each, H and W even; at least one.
        fps: Frames per second.

    Returns:
        First and last time of each episode, s: ``from_timestamp`` and ``to_timestamp``.

    Raises:
        ConfigError: If a side is odd.
    """
    coming = iter(episodes)
    first = next(coming)
    height, width = first.shape[1:3]
    if height % 2 or width % 2:
        raise ConfigError(
            f"Videos must have even sides, got {height} x {width} pixels; choose another "
            "image_size, or video=false."
        )
    spans: list[tuple[float, float]] = []

    def write(file: object) -> None:
        rate = Fraction(fps).limit_denominator(100_000)
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate, options=_OPTIONS)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1
            written = 0
            for frames in itertools.chain([first], coming):
                for frame in frames:
                    picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                    container.mux(stream.encode(picture))
                spans.append((written / fps, (written + len(frames)) / fps))
                written += len(frames)
            container.mux(stream.encode(None))

    write_at_once(path, write)
    return spans


def read_video_span(
    path: Path, times: NDArray[np.float64], *, tolerance: float
) -> NDArray[np.uint8]:
    """Decode the frames that were shown at these times.

    Args:
        path: A video in any codec that FFmpeg reads.
        times: (N,) s from the video's start, rising.
        tolerance: Most seconds between a time and the frame nearest to it.

    Returns:
        (N, H, W, 3) uint8 RGB.

    Raises:
        CheckpointError: If the file is missing or broken, or has no frame at one of the times.
    """
    try:
        shown, frames = _decode(path, times[0] - tolerance, times[-1] + tolerance)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"'{path}' must hold an episode's frames, but does not exist; the dataset is "
            "incomplete: fetch or copy its videos too."
        ) from error
    except (av.FFmpegError, IndexError) as error:
        raise CheckpointError(
            f"'{path}' must be a video, but cannot be decoded: {error}; the file is damaged: "
            "fetch or record it again."
        ) from error
    nearest = np.abs(shown[None, :] - times[:, None]) if len(shown) else np.full((1, 1), np.inf)
    late = np.flatnonzero(nearest.min(axis=1) > tolerance)
    if late.size:
        last = f"{shown[-1]:.3f} s" if len(shown) else "nowhere"
        raise CheckpointError(
            f"'{path}' must show a frame at {times[late[0]]:.3f} s, but {late.size} of "
            f"{len(times)} frames of the episode are missing and the last one is at {last}; "
            "the video is cut off or was replaced: fetch or record it again."
        )
    return np.stack([frames[number] for number in nearest.argmin(axis=1)])


def _decode(
    path: Path, start: float, stop: float
) -> tuple[NDArray[np.float64], list[NDArray[np.uint8]]]:
    """Return times and frames between two times, decoding from the key frame before them."""
    shown: list[float] = []
    frames: list[NDArray[np.uint8]] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        unit = stream.time_base or Fraction(1, av.time_base)
        container.seek(max(round(start / unit), 0), stream=stream)
        for frame in container.decode(stream):
            time = float(frame.pts * unit) if frame.pts is not None else -np.inf
            if time > stop:
                break
            if time >= start:
                shown.append(time)
                frames.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    return np.asarray(shown, np.float64), frames
