"""What is known of one camera: whether it delivers, how often, and what is wrong with it."""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol, final

from kibble.rewards.node.parameters import CameraParameters
from kibble.rewards.node.synchroniser import Arrival
from kibble.rewards.ros.clock import seconds

__all__ = ["CameraWatch", "Source"]

_RECENT = 30  # images that the rate is measured over
_LARGE = 4_000_000  # pixels: more than twice full HD
_SLOW = 0.8  # share of the rate that a camera is said to deliver

_DROPPED = {
    Arrival.DUPLICATE: "had a stamp that was there before; they are dropped",
    Arrival.REORDERED: "came after later ones; they are dropped",
    Arrival.JUMPED_BACK: "were stamped more than a second before those before them",
}


class Source(Protocol):
    """What delivers a camera's images, as far as a node looks at it."""

    @property
    def publishers(self) -> int:
        """How many publishers there are now."""
        ...

    @property
    def mismatch(self) -> str:
        """Why one is not listened to, or ""."""
        ...


@final
class CameraWatch:
    """Takes note of one view's images and says what is wrong with them.

    Times are of the node's clock. Not for several threads at once.

    Args:
        view: Name of the view.
        camera: Where its images come from.
        now: ns, from which silence is counted.

    Attributes:
        source: What delivers them; ``None`` where that is not known. See :meth:`look`.
        publishers: How many publishers there were at the last look; ``None`` where not known.
        mismatch: Why none is listened to, likewise; "" where one is.
        images: How many came.
        arrivals: How many there were of each kind of :class:`Arrival`; see :meth:`sorted_in`.
        repeats: How many of the last had the stamp of one before them.
        unstamped: How many of the last had no stamp.
        unusable: How many could not be decoded.
        fault: Why the last one that was read could not be decoded; "" if it could.
        size: (height, width) of the last image that was read; (0, 0) before.
        decode_time: s that decoding it took.
    """

    def __init__(self, view: str, camera: CameraParameters, now: int) -> None:
        self.view = view
        self.camera = camera
        self.source: Source | None = None
        self.publishers: int | None = None
        self.mismatch = ""
        self.images = 0
        self.arrivals: Counter[Arrival] = Counter()
        self.repeats = 0
        self.unstamped = 0
        self.unusable = 0
        self.fault = ""
        self.size = (0, 0)
        self.decode_time = 0.0
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._kinds: deque[Arrival] = deque(maxlen=_RECENT)
        self._since = now

    def look(self) -> None:
        """Look at what delivers the images; any thread may, for it can take a while."""
        if self.source is not None:
            self.publishers = self.source.publishers
            self.mismatch = "" if self.publishers else self.source.mismatch

    def came(self, now: int, *, stamped: bool) -> None:
        """Take note of an image, whatever is in it, and of whether it says when it was taken."""
        self.images += 1
        self.unstamped = 0 if stamped else self.unstamped + 1
        self._recent.append(now)
        self._since = now

    def sorted_in(self, arrival: Arrival) -> None:
        """Take note of what became of an image that has a stamp."""
        self.arrivals[arrival] += 1
        self.repeats = self.repeats + 1 if arrival is Arrival.DUPLICATE else 0
        self._kinds.append(arrival)

    def read(self, size: tuple[int, int], decode_time: float) -> None:
        """Take note that an image could be decoded."""
        self.fault, self.size, self.decode_time = "", size, decode_time

    def failed(self, reason: str) -> None:
        """Take note that an image could not be decoded."""
        self.fault = reason
        self.unusable += 1

    def begin(self, now: int) -> None:
        """Count silence and rate from now on: the clock was set back, or the node woke up."""
        self._since = now
        self.repeats = 0
        self._recent.clear()
        self._kinds.clear()

    def silence(self, now: int) -> float:
        """Return the seconds since the last image."""
        return max(0.0, seconds(now - self._since))

    @property
    def rate(self) -> float:
        """Hz that images came with lately; 0 before there were two."""
        if len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) / max(seconds(self._recent[-1] - self._recent[0]), 1e-9)

    def trouble(self, now: int, staleness: float, surroundings: str) -> str:
        """Return why the view cannot be used now; "" if it can.

        Args:
            now: ns.
            staleness: s of silence after which the camera is lost.
            surroundings: Where the node is and whom it sees, for the text.
        """
        where = f"view {self.view!r} ({self.camera.topic})"
        if self.publishers is not None and self.publishers > 1:
            return (
                f"{self.publishers} publishers of {where}, whose images would be mixed; stop all "
                "but one (one that was killed counts for some seconds)"
            )
        silence = self.silence(now)
        if silence > staleness:
            return f"no image of {where} for {silence:.1f} s: {self._absence(surroundings)}"
        if self.unstamped:
            return f"images of {where} have no stamp; set header.stamp in the camera's driver"
        return f"{where}: {self.fault.rstrip('.')}" if self.fault else ""

    def doubts(self, rate: float) -> list[str]:
        """Return what is worth a warning though the view can be used.

        Args:
            rate: Hz of publication.
        """
        doubts = []
        if len(self._recent) == _RECENT and self.rate < _SLOW * self.camera.rate:
            limit = f"; `rate`, {rate:g} Hz, is above it" if rate > self.rate else ""
            doubts.append(
                f"delivers {self.rate:.1f} Hz where `cameras.{self.view}.rate` says "
                f"{self.camera.rate:g}{limit}"
            )
        for kind, what in _DROPPED.items():
            count = self._kinds.count(kind)
            if count:
                doubts.append(f"{count} of the last {len(self._kinds)} images {what}")
        height, width = self.size
        if height * width > _LARGE:
            doubts.append(
                f"images of {width}x{height} pixels take {1e3 * self.decode_time:.0f} ms to "
                "decode; let the driver scale them down, or compress them"
            )
        return doubts

    def _absence(self, surroundings: str) -> str:
        if self.mismatch:
            return self.mismatch.rstrip(".")
        if self.publishers == 0:
            return f"no publisher{f' ({surroundings})' if surroundings else ''}"
        return (
            "the camera is silent, or its images are lost on the way (`kibble doctor` looks at "
            "receive buffers)"
        )
