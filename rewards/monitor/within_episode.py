"""Detectors that need one episode: pure functions of the readings that it has had so far."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["count_falls", "mean_disagreement", "still_readings"]


def count_falls(readings: Sequence[float], *, amplitude: float) -> int:
    """Count how often progress fell by the amplitude or more, each time after rising as much.

    Oscillation that is paid for: whoever goes round in a loop collects every rise. Noise below
    half the amplitude never counts, however long it lasts.

    Args:
        readings: Progress in [0, 1], in order.
        amplitude: Least size of a fall and of a rise, > 0.

    >>> count_falls([0.0, 0.6, 0.1, 0.7, 0.2, 0.9], amplitude=0.3)
    2
    >>> count_falls([0.9, 0.5, 0.1], amplitude=0.3)  # a fall without a rise before
    0
    """
    falls, rising = 0, False
    extreme = readings[0] if readings else 0.0  # the lowest since a fall, the highest since a rise
    for reading in readings:
        if rising:
            extreme = max(extreme, reading)
            if reading <= extreme - amplitude:
                falls, rising, extreme = falls + 1, False, reading
        else:
            extreme = min(extreme, reading)
            if reading >= extreme + amplitude:
                rising, extreme = True, reading
    return falls


def still_readings(
    readings: Sequence[float], changes: Sequence[float], *, tolerance: float, motion: float
) -> int:
    """Count the newest readings that lie together although the frames have changed.

    Args:
        readings: Progress in [0, 1], in order.
        changes: Change of each reading's frame since the one before, in [0, 1]; NaN is none.
        tolerance: Largest distance between readings that counts as none.
        motion: Least sum of changes that counts as motion; with less the answer is 0.

    Returns:
        The most newest readings whose range is within the tolerance; 0 where nothing moved.

    >>> still_readings([0.2, 0.5, 0.5, 0.5], [0.1, 0.1, 0.1, 0.1], tolerance=0.01, motion=0.1)
    3
    >>> still_readings([0.5, 0.5, 0.5], [0.0, 0.0, 0.0], tolerance=0.01, motion=0.1)
    0
    """
    low = high = None
    count, moved = 0, 0.0
    for reading, change in zip(reversed(readings), reversed(changes), strict=True):
        low = reading if low is None else min(low, reading)
        high = reading if high is None else max(high, reading)
        if high - low > tolerance:
            break
        count += 1
        moved += 0.0 if math.isnan(change) else change
    return count if moved >= motion else 0


def mean_disagreement(disagreements: Sequence[float]) -> float:
    """Return the mean distance of two readings of the same frames; NaN where there is none.

    >>> mean_disagreement([0.1, float("nan"), 0.3])
    0.2
    """
    known = [value for value in disagreements if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
