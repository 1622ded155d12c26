"""Read one episode of a ROS 2 bag as footage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.footage.footage import Footage
from kibble.agents.footage.sources import Views
from kibble.agents.footage.thinning import ThinnedFrames
from kibble.agents.footage.timing import describe_intervals
from kibble.agents.footage.video import MAX_FRAMES, MAX_SIDE, MIN_SIDE
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import BagError, ConfigError, FrameError
from kibble.rewards.frames import resize_frames
from kibble.rewards.ros.bags.packages import check_packages
from kibble.rewards.ros.images import decode

if TYPE_CHECKING:
    from kibble.rewards.ros.bags.bag import Bag
    from kibble.rewards.ros.bags.moments import Moment

__all__ = ["is_bag", "read_bag"]

_NS = 1_000_000_000


def is_bag(path: Path) -> bool:
    """Whether a path names a bag, readable or not: by its name, or by what lies in the folder."""
    if not path.is_dir():
        return path.suffix in (".mcap", ".db3", ".bag")
    if (path / "metadata.yaml").is_file():
        return True
    return any(child.suffix in (".mcap", ".db3") for child in path.iterdir())


def read_bag(
    path: Path,
    episode: int,
    *,
    views: Views = None,
    max_frames: int = MAX_FRAMES,
    fps: float | None = None,
    tolerance: float = 0.05,
    max_side: int = MAX_SIDE,
) -> Footage:
    """Read one episode of a bag, image by image; memory is bounded by ``max_frames``.

    Args:
        path: An ``.mcap`` or ``.db3`` file, or a folder that ``ros2 bag record`` made.
        episode: Its number in the bag, from 0; see
            :func:`kibble.rewards.ros.bags.episodes.find_episodes`.
        views: Which views to use; see :func:`kibble.rewards.ros.bags.views.choose_views`.
        max_frames: Most moments to keep besides the last.
        fps: Moments per second to take at most, or ``None`` for all.
        tolerance: s that images of one moment may lie apart.
        max_side: Longest side in pixels of the frames; depth keeps its size.

    Returns:
        The footage; its stamps are those of the newest image of each moment.

    Raises:
        BagError: If the bag is damaged, or has no images or no moment with all views.
        ConfigError: If there is no such episode, view or topic, or a setting is out of range.
        FrameError: If images are too small or change their size.
        MissingDependencyError: If rosbags is not installed.
    """
    check_packages()
    from kibble.rewards.ros.bags.bag import Bag
    from kibble.rewards.ros.bags.episodes import find_episodes
    from kibble.rewards.ros.bags.moments import MomentReader
    from kibble.rewards.ros.bags.views import choose_views

    with Bag(path) as bag:
        topics = choose_views(bag, views)
        episodes = find_episodes(bag)
        if not 0 <= episode < len(episodes):
            raise ConfigError(
                f"`episode` must lie in [0, {len(episodes) - 1}], which are in '{path}', got "
                f"{episode}."
            )
        chosen = episodes[episode]
        moments = MomentReader(bag, topics, tolerance=tolerance)
        film = _Film(bag, topics, max_frames=max_frames, fps=fps, max_side=max_side)
        for moment in moments.read(chosen):
            film.add(moment)
        warnings = [*bag.warnings, *moments.warnings(), *film.warnings()]
        if len(episodes) > 1:
            warnings.append(
                f"The bag holds {len(episodes)} episodes; this is number {episode}. Set episode= "
                "to read another."
            )
        frames, stamps = film.finish(path, tolerance)
    several = f"-episode{episode}" if len(episodes) > 1 else ""
    return Footage(
        name=f"{path.resolve().stem}{several}",
        frames=frames,
        times=(stamps - stamps[0]) / _NS,
        instruction=chosen.instruction,
        warnings=tuple(warnings),
        stamps=stamps,
    )


@final
class _Film:
    """Decodes moments, and keeps a bounded number of them."""

    def __init__(
        self,
        bag: Bag,
        topics: Mapping[str, str],
        *,
        max_frames: int,
        fps: float | None,
        max_side: int,
    ) -> None:
        self._bag, self._topics, self._max_side = bag, topics, max_side
        self._kept = {view: ThinnedFrames(limit=max_frames, fps=fps) for view in topics}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._first = self._last = 0
        self._shortest, self._longest = np.inf, 0.0
        self._unreadable: list[str] = []

    def add(self, moment: Moment) -> None:
        """Take the next moment."""
        try:
            images = {
                view: decode(self._bag.decode(message), view=view)
                for view, message in moment.images.items()
            }
        except FrameError as error:
            self._unreadable.append(str(error))
            return
        if not self._sizes:
            self._first = self._last = moment.stamp
            self._sizes = {view: image.shape[:2] for view, image in images.items()}
        else:
            interval = (moment.stamp - self._last) / _NS
            self._shortest = min(self._shortest, interval)
            self._longest = max(self._longest, interval)
        self._last = moment.stamp
        time = (moment.stamp - self._first) / _NS
        for view, image in images.items():
            if image.shape[:2] != self._sizes[view]:
                raise FrameError(
                    f"Images of one view must have one size, got {_size(self._sizes[view])} and "
                    f"then {_size(image.shape[:2])} on '{self._topics[view]}'; give a part of the "
                    "bag in which the camera keeps its size."
                )
            self._kept[view].add(partial(self._shrunk, view, image), time)

    def finish(
        self, path: Path, tolerance: float
    ) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.int64]]:
        """Return the frames (T, H, W, 3) and their stamps (T,)."""
        if not self._sizes:
            why = (
                f"the first of {len(self._unreadable)} that cannot be read: {self._unreadable[0]}"
                if self._unreadable
                else f"no moment with images of {', '.join(self._topics)} within {tolerance:g} s"
            )
            raise BagError(
                f"A bag must show something, got '{path}' with {why}; choose views= or set "
                "tolerance=."
            )
        read = {view: kept.finish() for view, kept in self._kept.items()}
        times = next(iter(read.values()))[1]
        stamps = self._first + np.rint(times * _NS).astype(np.int64)
        return {view: frames for view, (frames, _) in read.items()}, stamps

    def warnings(self) -> list[str]:
        """Say what a user should know of the images."""
        said = []
        if self._unreadable:
            said.append(
                f"{len(self._unreadable)} moments have an image that cannot be read; they were "
                f"left out. The first: {self._unreadable[0]}"
            )
        if np.isfinite(self._shortest):
            said += describe_intervals(self._shortest, self._longest)
        kept = next(iter(self._kept.values()))
        if kept.stride > 1:
            said.append(
                f"One of {kept.stride} of {kept.seen} moments was kept, evenly spread; set "
                "max_frames= or fps= to keep others."
            )
        return said

    def _shrunk(self, view: str, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = self._sizes[view]
        if min(height, width) < MIN_SIDE:
            raise FrameError(
                f"Images must show at least {MIN_SIDE} x {MIN_SIDE} pixels, got view {view!r} "
                f"with {width} x {height}; there is nothing to see in it."
            )
        scale = min(self._max_side / max(height, width), 1.0)
        if scale == 1.0 or view.endswith(DEPTH_SUFFIX):  # depth in pixels has no mean
            return image
        size = max(round(height * scale), 1), max(round(width * scale), 1)
        (shrunk,) = resize_frames(image[None], size)
        return np.asarray(shrunk, np.uint8)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
