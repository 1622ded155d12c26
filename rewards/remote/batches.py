"""Divide frames into requests: one replica each, and none larger than the service takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kibble.rewards.service.wire import Limits, NewestFrame

__all__ = ["Batch", "in_batches"]

_HEADER_BYTES = 256  # of one frame, roughly; pictures are what fills a body


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Frames of one request.

    Args:
        session: Which replica is to read them.
        numbers: Their places in what was to be divided.
        frames: The frames.
    """

    session: str
    numbers: tuple[int, ...]
    frames: tuple[NewestFrame, ...]


def in_batches(
    frames: Sequence[NewestFrame], sessions: Sequence[str], limits: Limits
) -> list[Batch]:
    """Divide frames, their order kept within each session.

    Args:
        frames: At least one.
        sessions: The session of each.
        limits: What a request may be at most. A single frame beyond them is sent alone, for the
            service to refuse in its own words.
    """
    parts: list[tuple[str, list[int]]] = []
    for session in dict.fromkeys(sessions):
        pictures = size = 0
        for i, frame in enumerate(frames):
            if sessions[i] != session:
                continue
            own = _HEADER_BYTES + sum(len(picture.data) for picture in frame.pictures.values())
            pictures, size = pictures + len(frame.pictures), size + own
            full = not parts or parts[-1][0] != session or len(parts[-1][1]) >= limits.frames
            if full or pictures > limits.pictures or size > limits.body_bytes:
                parts.append((session, []))
                pictures, size = len(frame.pictures), own
            parts[-1][1].append(i)
    return [
        Batch(session=session, numbers=tuple(places), frames=tuple(frames[i] for i in places))
        for session, places in parts
    ]
