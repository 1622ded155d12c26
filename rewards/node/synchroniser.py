"""Approximate time synchronisation of any number of views; the newest complete set wins."""

from __future__ import annotations

import bisect
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from kibble.rewards.errors import ConfigError

__all__ = ["Arrival", "Synchronised", "Synchroniser"]

ItemT = TypeVar("ItemT")


class Arrival(enum.Enum):
    """What became of one item."""

    TAKEN = "taken"
    """It is kept, and may become part of a set."""
    DUPLICATE = "duplicate"
    """An item with this stamp was there before; it is dropped."""
    REORDERED = "reordered"
    """A later item of its view was used already, or it is too old to be kept; it is dropped."""
    JUMPED_BACK = "jumped back"
    """Its stamp lies so far before the view's last one that the source's clock must have been set
    back; what the view had is dropped and the item is kept."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synchronised(Generic[ItemT]):
    """One item of each view whose stamps lie within the tolerance.

    Args:
        stamps: View to stamp, ns.
        items: View to item, the same views in the same order.
    """

    stamps: Mapping[str, int]
    items: Mapping[str, ItemT]

    @property
    def newest(self) -> int:
        """The largest stamp, ns."""
        return max(self.stamps.values())

    @property
    def spread(self) -> int:
        """How far the stamps lie apart, ns."""
        return self.newest - min(self.stamps.values())


@final
class Synchroniser(Generic[ItemT]):
    """Puts items of several views together by their stamps.

    A set has one item of each view, with stamps at most ``tolerance`` apart. :meth:`take` gives
    the newest: the one whose earliest stamp is the largest, and among those the one that spreads
    least. What it gave, and all that is older in the same view, is gone, so every item is used at
    most once, and stamps rise from set to set in every view. Nothing queues up: each view keeps
    its last ``depth`` items and no more. A tolerance below half the period of the slowest view
    pairs each of its items with the nearest ones of the others.

    Items may come in any order; their stamps decide. It has no clock: who has one calls
    :meth:`forget_after` when it was set back. Not for several threads at once.

    Args:
        views: Names of the views, at least one.
        tolerance: ns that stamps of a set may lie apart, at least 0.
        depth: Items kept of each view, at least 1; views that arrive with different delays need
            several.
        jump: ns that a stamp may lie before the view's last one and count as reordered; beyond
            it, its source's clock was set back.

    Raises:
        ConfigError: If an argument is out of range.

    >>> both = Synchroniser(("front", "side"), tolerance=10)
    >>> _ = both.add("front", 100, "a"), both.add("side", 108, "b"), both.add("front", 133, "c")
    >>> both.take().items
    {'front': 'a', 'side': 'b'}
    >>> both.take() is None
    True
    """

    def __init__(
        self,
        views: Sequence[str],
        *,
        tolerance: int,
        depth: int = 8,
        jump: int = 1_000_000_000,
    ) -> None:
        if not views or len(set(views)) < len(views):
            raise ConfigError(f"`views` must name at least one view, each once, got {views}.")
        for name, value, least in (("tolerance", tolerance, 0), ("depth", depth, 1)):
            if value < least:
                raise ConfigError(f"`{name}` must be at least {least}, got {value}.")
        self.tolerance = tolerance
        self._depth = depth
        self._jump = jump
        self._stamps: dict[str, list[int]] = {view: [] for view in views}  # ascending
        self._items: dict[str, list[ItemT]] = {view: [] for view in views}  # beside the stamps
        self._floor: dict[str, int | None] = dict.fromkeys(views)  # up to it all was used
        self._newest: dict[str, int | None] = dict.fromkeys(views)  # seen since a jump

    @property
    def views(self) -> tuple[str, ...]:
        """The views, in the order given."""
        return tuple(self._stamps)

    def newest(self, view: str) -> int | None:
        """Return the largest stamp that a view had, ns; ``None`` before the first."""
        return self._newest[view]

    def add(self, view: str, stamp: int, item: ItemT) -> Arrival:
        """Take an item of a view.

        Args:
            view: One of the views.
            stamp: ns.
            item: Anything; it is kept as it is.

        Returns:
            What became of it.
        """
        stamps, items = self._stamps[view], self._items[view]
        newest, floor = self._newest[view], self._floor[view]
        arrival = Arrival.TAKEN
        if newest is not None and stamp < newest - self._jump:
            stamps.clear()
            items.clear()
            newest = self._floor[view] = floor = None
            arrival = Arrival.JUMPED_BACK
        place = bisect.bisect_left(stamps, stamp)
        if stamp == floor or stamps[place : place + 1] == [stamp]:
            return Arrival.DUPLICATE
        if (floor is not None and stamp < floor) or (place == 0 and len(stamps) == self._depth):
            return Arrival.REORDERED
        stamps.insert(place, stamp)
        items.insert(place, item)
        if len(stamps) > self._depth:
            self._floor[view] = stamps[0]
            del stamps[0], items[0]
        self._newest[view] = stamp if newest is None else max(newest, stamp)
        return arrival

    def take(self) -> Synchronised[ItemT] | None:
        """Return the newest complete set, or ``None`` where there is none."""
        for earliest in sorted({s for stamps in self._stamps.values() for s in stamps})[::-1]:
            places = {
                view: bisect.bisect_left(stamps, earliest) for view, stamps in self._stamps.items()
            }
            if all(
                place < len(self._stamps[view])
                and self._stamps[view][place] <= earliest + self.tolerance
                for view, place in places.items()
            ):
                return self._taken(places)
        return None

    def forget(self) -> None:
        """Drop all that is kept, as if nothing had come since the last set."""
        for view, stamps in self._stamps.items():
            if stamps:
                self._floor[view] = stamps[-1]
            stamps.clear()
            self._items[view].clear()

    def forget_after(self, now: int) -> int:
        """Drop what lies in the future, because the clock was set back.

        What was used before the clock was set back is forgotten with it, so that stamps may begin
        anew from ``now``.

        Args:
            now: The time, ns.

        Returns:
            How many items were dropped.
        """
        dropped = 0
        for view, stamps in self._stamps.items():
            place = bisect.bisect_right(stamps, now)
            dropped += len(stamps) - place
            del stamps[place:], self._items[view][place:]
            for known in (self._floor, self._newest):
                value = known[view]
                if value is not None and value > now:
                    known[view] = stamps[-1] if stamps and known is self._newest else None
        return dropped

    def _taken(self, places: Mapping[str, int]) -> Synchronised[ItemT]:
        taken = Synchronised(
            stamps={view: self._stamps[view][place] for view, place in places.items()},
            items={view: self._items[view][place] for view, place in places.items()},
        )
        for view, place in places.items():
            self._floor[view] = self._stamps[view][place]
            del self._stamps[view][: place + 1], self._items[view][: place + 1]
        return taken
