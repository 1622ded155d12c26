"""Moments of a bag at a fixed rate, which is what a dataset's rows are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

from kibble.rewards.ros.bags.moments import Moment

__all__ = ["RateSampler"]

_NS = 1_000_000_000


@final
class RateSampler:
    """Gives the nearest moment to each tick of a clock that starts with the first moment.

    Args:
        rate: Ticks per second.
    """

    def __init__(self, rate: float) -> None:
        self._period = _NS / rate
        self.far = 0
        """Ticks without a moment within half a period; the nearest one is given there too."""

    def sample(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Yield one moment for each tick, up to the one nearest to the last moment."""
        start = None
        tick = 0
        last: Moment | None = None
        for moment in moments:
            if start is None:
                start = moment.stamp
            while last is not None and moment.stamp >= (due := start + tick * self._period):
                nearest = last if due - last.stamp <= moment.stamp - due else moment
                self._count(nearest, due)
                yield nearest
                tick += 1
            last = moment
            if tick == 0:
                yield moment
                tick = 1
        if last is not None and start is not None:
            due = start + tick * self._period
            if due - last.stamp < self._period / 2:  # nearer to the tick to come than to the last
                yield last

    def _count(self, moment: Moment, due: float) -> None:
        self.far += abs(moment.stamp - due) > self._period / 2
