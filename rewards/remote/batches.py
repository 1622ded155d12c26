"""Divide frames into requests: one replica each, and none larger than the service takes."""

from __future__ import annotations

import operator
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
        sizes = [0, 0, 0, 0]  # of the newest part: frames, pictures, pixels, bytes
        parts.append((session, []))
        for i, frame in enumerate(frames):
            if sessions[i] != session:
                continue
            own = _sizes(frame)
            together = [one + more for one, more in zip(sizes, own, strict=True)]
            if sizes[0] and any(map(operator.gt, together, _most(limits))):
                parts.append((session, []))
                together = own
            parts[-1][1].append(i)
            sizes = together
    return [
        Batch(session=session, numbers=tuple(places), frames=tuple(frames[i] for i in places))
        for session, places in parts
    ]


def _sizes(frame: NewestFrame) -> list[int]:
    pictures = frame.pictures.values()
    return [
        1,
        len(pictures),
        sum(picture.height * picture.width for picture in pictures),
        _HEADER_BYTES + sum(len(picture.data) for picture in pictures),
    ]


def _most(limits: Limits) -> list[int]:
    return [limits.frames, limits.pictures, limits.request_pixels, limits.body_bytes]
