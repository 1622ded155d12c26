"""The cameras of a reward node: images in, the newest complete set of frames out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError
from kibble.rewards.node.camera_watch import CameraWatch, Source
from kibble.rewards.node.diagnostics import Diagnostic, camera_diagnostic
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.synchroniser import Synchronised, Synchroniser
from kibble.rewards.ros.clock import seconds, stamp_ns
from kibble.rewards.ros.images import decode
from kibble.rewards.types import Frames

__all__ = ["Cameras"]

_NS = 1e9
_DEPTH = 8  # images kept of each of several views: a quarter of a second at 30 Hz


@final
class Cameras:
    """Synchronises and watches the images of all views.

    Times are ns of the node's clock. Not for several threads at once, but for :meth:`decoded` and
    :meth:`look`, which take long and change nothing that belongs together.

    Args:
        parameters: Which views there are.
        now: ns.
    """

    def __init__(self, parameters: NodeParameters, now: int) -> None:
        self._watches = {
            view: CameraWatch(view, camera, now) for view, camera in parameters.cameras.items()
        }
        self._synchroniser: Synchroniser[object] = Synchroniser(
            parameters.views,
            tolerance=round(parameters.tolerance * _NS),
            depth=_DEPTH if len(parameters.views) > 1 else 1,  # nothing has to be waited for
        )
        self._surroundings = ""

    def change(self, parameters: NodeParameters) -> None:
        """Go on with a changed tolerance."""
        self._synchroniser.tolerance = round(parameters.tolerance * _NS)

    def listen(self, view: str, source: Source) -> None:
        """Learn what delivers a view's images."""
        self._watches[view].source = source

    def look(self, surroundings: Callable[[], str]) -> None:
        """Look at what delivers the images, and around where nothing does.

        Args:
            surroundings: Returns where the node is and whom it sees.
        """
        alone = False
        for watch in self._watches.values():
            watch.look()
            alone |= watch.publishers == 0
        self._surroundings = surroundings() if alone else ""

    def begin(self, now: int) -> None:
        """Wait for images from now on, and forget what came before."""
        self.forget()
        for watch in self._watches.values():
            watch.begin(now)

    def forget(self) -> None:
        """Forget images that came before now, for an episode begins with those that follow."""
        self._synchroniser.forget()
        for watch in self._watches.values():
            watch.fault = ""

    def jumped(self, now: int) -> None:
        """Go on after the clock was set: what lies in the future now is dropped."""
        self._synchroniser.forget_after(now)
        for watch in self._watches.values():
            watch.begin(now)

    def see(self, view: str, message: object, now: int) -> None:
        """Take an image message; without a stamp it cannot be used."""
        watch, stamp = self._watches[view], stamp_ns(message)
        watch.came(now, stamped=stamp != 0)
        if stamp:
            watch.sorted_in(self._synchroniser.add(view, stamp, message))

    def take(self) -> Synchronised[object] | None:
        """Return the newest complete set of messages, once; ``None`` where there is none."""
        return self._synchroniser.take()

    def decoded(self, chosen: Synchronised[object]) -> Frames | None:
        """Decode a set of messages; ``None`` where one of them is no image that can be used."""
        frames: dict[str, NDArray[np.uint8]] = {}
        for view, message in chosen.items.items():
            began = time.perf_counter()
            try:
                pixels = decode(message, view=view)
            except FrameError as error:
                self._watches[view].failed(str(error))
                continue
            took = time.perf_counter() - began
            self._watches[view].read((pixels.shape[0], pixels.shape[1]), took)
            frames[view] = pixels[None]  # (1, H, W, 3) uint8
        return frames if len(frames) == len(chosen.items) else None

    def trouble(self, now: int, staleness: float) -> str:
        """Return what is wrong with views that cannot be used; "" where all can.

        Args:
            now: ns.
            staleness: s of silence after which a camera is lost.
        """
        around = self._surroundings
        troubles = [w.trouble(now, staleness, around) for w in self._watches.values()]
        return "; ".join(trouble for trouble in troubles if trouble)

    def waited_for(self, now: int) -> str:
        """Return why there is no newer set yet."""
        newest = {view: self._synchroniser.newest(view) for view in self._watches}
        known = {view: stamp for view, stamp in newest.items() if stamp is not None}
        missing = [view for view in newest if view not in known]
        if missing:
            return f"no image of view {', '.join(map(repr, missing))} yet"
        for view, watch in self._watches.items():
            if watch.repeats > 1:
                return (
                    f"the last {watch.repeats} images of view {view!r} had a stamp that was there "
                    "before; does its driver's clock stand still?"
                )
        last, first = max(known, key=lambda v: known[v]), min(known, key=lambda v: known[v])
        spread = known[last] - known[first]
        if spread > self._synchroniser.tolerance:
            return (
                f"the newest stamps of views {first!r} and {last!r} lie {seconds(spread):.3f} s "
                f"apart, `tolerance` is {seconds(self._synchroniser.tolerance):g} s"
            )
        silence, view = max((w.silence(now), view) for view, w in self._watches.items())
        return f"no new image of view {view!r} for {silence:.2f} s"

    def diagnostics(self, now: int, parameters: NodeParameters) -> list[Diagnostic]:
        """Return an entry for each camera."""
        return [
            camera_diagnostic(
                watch,
                trouble=watch.trouble(now, parameters.staleness, self._surroundings),
                rate=parameters.rate,
            )
            for watch in self._watches.values()
        ]
