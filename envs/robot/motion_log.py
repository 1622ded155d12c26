"""What was commanded lately: how far the robot may have come, and what it did on the whole."""

from __future__ import annotations

from collections import deque
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MotionLog"]

Vector = NDArray[np.float64]


@final
class MotionLog:
    """The velocities that were in force, each until the next; not safe for threads.

    Args:
        axes: Number of axes, A.
        now: The time of the first entry, s; the velocity is zero then.
        keep: How far back can be looked, s.
    """

    def __init__(self, axes: int, *, now: float, keep: float) -> None:
        self._entries: deque[tuple[float, Vector]] = deque([(now, np.zeros(axes))])
        self._keep = keep

    @property
    def velocity(self) -> Vector:
        """(A,) the velocity in force."""
        return self._entries[-1][1]

    def add(self, now: float, velocity: Vector) -> None:
        """Say that a velocity, (A,), is in force from now on, s."""
        self._entries.append((now, np.array(velocity, np.float64)))
        while len(self._entries) > 1 and self._entries[1][0] < now - self._keep:
            self._entries.popleft()

    def extents(self, since: float, now: float) -> tuple[Vector, Vector]:
        """Return how far each axis may have come, downwards (<= 0) and upwards (>= 0).

        A robot that follows late, in part or not at all lies between the two: motions in one
        direction are summed up without those in the other.

        Args:
            since: s; what was commanded before does not count.
            now: s.

        Returns:
            Two (A,) arrays, m or rad.
        """
        down = np.zeros_like(self.velocity)
        up = np.zeros_like(self.velocity)
        for seconds, velocity in self._spans(since, now):
            down += np.minimum(velocity, 0.0) * seconds
            up += np.maximum(velocity, 0.0) * seconds
        return down, up

    def mean(self, since: float, now: float) -> Vector:
        """Return the mean velocity, (A,), over a time; that in force now if it has no length."""
        if now <= since:
            return self.velocity.copy()
        total = np.zeros_like(self.velocity)
        for seconds, velocity in self._spans(since, now):
            total += velocity * seconds
        return total / (now - since)

    def _spans(self, since: float, now: float) -> list[tuple[float, Vector]]:
        spans = []
        until = now
        for begun, velocity in reversed(self._entries):
            seconds = until - max(begun, since)
            if seconds > 0.0:
                spans.append((seconds, velocity))
            if begun <= since:
                break
            until = min(until, begun)
        return spans
