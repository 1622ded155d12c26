"""The views: newest images of several cameras that belong together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from kibble.envs.robot.description import CameraDescription
from kibble.rewards.errors import FrameError
from kibble.rewards.frames import resize_frames, single_frame
from kibble.rewards.node.synchroniser import Arrival, Synchroniser
from kibble.rewards.ros.clock import stamp_ns
from kibble.rewards.ros.images import decode
from kibble.rewards.ros.qos import SENSOR
from kibble.rewards.ros.transport import Transport
from kibble.rewards.types import Frames

__all__ = ["CameraInputs"]

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000


@final
class CameraInputs:
    """Keeps the newest images; decodes those that are looked at, and only then.

    What is looked at changes by :meth:`take` alone, so that an observation and its frames belong
    together however late the frames are asked for.

    Args:
        transport: The node.
        cameras: The views.
        image_size: (height, width) that frames are resized to, or ``None`` for as they come.
        tolerance: s that the views' stamps may lie apart.
        staleness: s of silence after which a camera is lost.
        now: The time, s.
    """

    def __init__(
        self,
        transport: Transport,
        cameras: Sequence[CameraDescription],
        *,
        image_size: tuple[int, int] | None,
        tolerance: float,
        staleness: float,
        now: Callable[[], float],
    ) -> None:
        self.views = tuple(camera.view for camera in cameras)
        self._size, self._staleness, self._now = image_size, staleness, now
        self._tolerance = tolerance
        self._lock = threading.Lock()
        self._sets: Synchroniser[tuple[object, float]] = Synchroniser(
            self.views or ("none",), tolerance=round(tolerance * _NS)
        )
        self._arrived = dict.fromkeys(self.views, float("-inf"))
        self._taken: dict[str, object] = {}  # messages of the set that is looked at
        self._taken_at = float("-inf")
        self._decoded: set[str] = set()
        self._last: dict[str, Frames] = {}
        self._mistake = ""
        self._subscriptions = {
            camera.view: transport.subscribe(
                camera.topic, camera.type_name, partial(self._receive, camera.view), qos=SENSOR
            )
            for camera in cameras
        }
        self._topics = {camera.view: camera.topic for camera in cameras}

    def take(self) -> None:
        """Look at the newest images that belong together, from now on."""
        with self._lock:
            found = self._sets.take()
            if found is None:
                return
            self._taken = {view: item[0] for view, item in found.items.items()}
            self._taken_at = min(item[1] for item in found.items.values())
            self._decoded = set()

    def unreadable(self) -> str:
        """Return why an image that is looked at cannot be decoded, or ""."""
        self._mistake = ""
        for view in self.views:
            self._decode(view)
        return self._mistake

    def frames(self, views: Sequence[str]) -> Frames:
        """Return what is looked at, (1, H, W, 3) uint8 per view.

        Where an image cannot be decoded the last one that could stands in, and :meth:`silence`
        says so.

        Raises:
            FrameError: If a view has never been seen.
        """
        return {view: array for v in views for view, array in self._frame(v).items()}

    def lost(self, now: float) -> str:
        """Return which camera is lost, or ""; quick, for those who hold a lock."""
        with self._lock:
            for view, arrived in self._arrived.items():
                if arrived < now - self._staleness:
                    return f"camera {view!r} is silent"
        return self._mistake

    def silence(self, now: float, *, since: float = float("-inf")) -> str:
        """Return why the frames are not what they should be, or ""; asks the graph.

        Args:
            now: The time, s.
            since: Images that are older count as lost in any case, s.
        """
        oldest = max(now - self._staleness, since)
        with self._lock:
            old = [view for view, arrived in self._arrived.items() if arrived < oldest]
        for view in old:
            subscription = self._subscriptions[view]
            if subscription.mismatch:
                return subscription.mismatch
            if not subscription.publishers:
                return f"nobody publishes {self._topics[view]}, camera {view!r}"
            return f"camera {view!r} is silent on {self._topics[view]}"
        return self._mistake

    def parted(self, now: float, *, since: float = float("-inf")) -> str:
        """Return why what is looked at is old though each camera is there, or ""; see silence."""
        with self._lock:
            taken = self._taken_at
        if self.views and taken < max(now - self._staleness, since):
            return f"the cameras' stamps lie more than {self._tolerance:g} s apart"
        return ""

    def close(self) -> None:
        """Look no longer."""
        for subscription in self._subscriptions.values():
            subscription.close()

    def _receive(self, view: str, message: object) -> None:
        now = self._now()
        stamp = stamp_ns(message) or round(now * _NS)  # a driver that does not stamp
        with self._lock:
            arrival = self._sets.add(view, stamp, (message, now))
            if arrival in (Arrival.TAKEN, Arrival.JUMPED_BACK):
                self._arrived[view] = now

    def _frame(self, view: str) -> Frames:
        self._decode(view)
        if view not in self._last:
            raise FrameError(
                f"View {view!r} must have been seen once, got no image on "
                f"{self._topics.get(view, 'any topic')} that could be read; "
                f"{self._mistake or 'reset the environment first.'}"
            )
        return self._last[view]

    def _decode(self, view: str) -> None:
        """Decode a view's image, once; where that fails the last one stays."""
        if view in self._decoded or view not in self._taken:
            return
        try:
            image = decode(self._taken[view], view=view)
        except FrameError as error:
            if not self._mistake:
                _LOG.error("Camera %r: %s", view, error)
            self._mistake = f"camera {view!r}: {error}"
            return
        frames = single_frame(view, resize_frames(image[None], self._size)[0])
        self._decoded.add(view)
        self._last[view] = frames
