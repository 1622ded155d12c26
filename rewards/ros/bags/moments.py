"""The images of several views that belong together, moment by moment."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from kibble.rewards.node.synchroniser import Arrival, Synchroniser
from kibble.rewards.ros.bags.bag import Bag, BagMessage
from kibble.rewards.ros.bags.episodes import BagEpisode

__all__ = ["Moment", "MomentReader"]

_SLACK = 2_000_000_000  # ns that an image may be recorded before or after its stamp
_NS = 1_000_000_000
_LAG = 500_000_000  # ns that one camera's images may be recorded later than another's
_MOST_WAITING = 64  # images, so that memory is bounded
_JUMP = 1_000_000_000  # ns; stamps further back are of a clock that was set back


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """One image of each view.

    Args:
        stamp: The newest of the images' stamps, ns since the epoch; rises from moment to moment.
        time: When the last of the images was recorded, ns since the epoch.
        images: View to message.
    """

    stamp: int
    time: int
    images: Mapping[str, BagMessage]


@final
class MomentReader:
    """Puts a bag's images together by their stamps, with the synchroniser of the reward node.

    Unlike on a robot, a camera whose images arrive later than another's loses nothing by it:
    images are taken in the order of their stamps, not in that in which they were recorded.

    Args:
        bag: The bag.
        views: View to topic.
        tolerance: s that stamps of one moment may lie apart, at least 0.

    Raises:
        ConfigError: If the tolerance is negative.
    """

    def __init__(self, bag: Bag, views: Mapping[str, str], *, tolerance: float) -> None:
        self._bag = bag
        self._topics = {topic: view for view, topic in views.items()}
        self._tolerance = tolerance
        self._slack = round(tolerance * _NS)  # an episode starts with its newest image
        self._sets: Synchroniser[BagMessage] = Synchroniser(tuple(views), tolerance=self._slack)
        self._images: Counter[str] = Counter()
        self._arrivals: Counter[Arrival] = Counter()
        self._moments = self._backwards = 0

    def read(self, episode: BagEpisode) -> Iterator[Moment]:
        """Yield the moments of an episode in order; for one episode only."""
        last = -1
        start = None if episode.recorded is None else episode.recorded[0] - _SLACK
        stop = None if episode.recorded is None else episode.recorded[1] + _SLACK
        for message in _by_stamp(self._bag.messages(self._topics, start=start, stop=stop)):
            if not episode.start - self._slack <= message.stamp <= episode.stop:
                continue
            view = self._topics[message.topic]
            self._images[view] += 1
            self._arrivals[self._sets.add(view, message.stamp, message)] += 1
            taken = self._sets.take()
            if taken is None or taken.newest < episode.start:
                continue
            if taken.newest <= last:
                self._backwards += 1
                continue
            last = taken.newest
            self._moments += 1
            time = max(image.time for image in taken.items.values())
            yield Moment(stamp=last, time=time, images=taken.items)

    def warnings(self) -> list[str]:
        """Say what was odd about the stamps, and which images belong to no moment."""
        said = []
        for arrival, words in (
            (Arrival.DUPLICATE, "have the stamp of one before them; they were left out"),
            (Arrival.REORDERED, "came after later ones of their view; they were left out"),
        ):
            if self._arrivals[arrival]:
                said.append(f"{self._arrivals[arrival]} images {words}.")
        if self._arrivals[Arrival.JUMPED_BACK]:
            said.append(
                f"The clock of the stamps was set back {self._arrivals[Arrival.JUMPED_BACK]} "
                f"times; {self._backwards} moments that seem to lie before others were left out."
            )
        for view, count in self._images.items():
            alone = count - self._moments - self._backwards
            if len(self._topics) > 1 and alone > 0.1 * count:
                said.append(
                    f"{alone} of {count} images of view {view!r} have none of every other view "
                    f"within {self._tolerance:g} s; they were left out. Set tolerance= for more."
                )
        return said


def _by_stamp(messages: Iterator[BagMessage]) -> Iterator[BagMessage]:
    """Yield images in the order of their stamps, as far as they were recorded not much later."""
    waiting: list[tuple[int, int, BagMessage]] = []  # a heap: stamp, number, image
    highest = 0
    for number, message in enumerate(messages):
        if message.stamp < highest - _JUMP:
            yield from (image for _, _, image in sorted(waiting))
            waiting, highest = [], 0
        highest = max(highest, message.stamp)
        heapq.heappush(waiting, (message.stamp, number, message))
        while waiting[0][2].time <= message.time - _LAG or len(waiting) > _MOST_WAITING:
            yield heapq.heappop(waiting)[2]
    yield from (image for _, _, image in sorted(waiting))
