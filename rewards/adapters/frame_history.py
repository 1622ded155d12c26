"""What a video model remembers of an episode: frames, thinned to the rate that the model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.types import Episode
from kibble.rewards.vlm.prompt import Clip, Picture

__all__ = ["FrameHistory"]


class _State(TypedDict):
    """What stands in ``Episode.memory["history"]``; lists are of one length."""

    seen: int
    ticks: int
    stride: int
    frames: list[NDArray[np.uint8]]
    keys: list[bytes]
    newest: NDArray[np.uint8]
    newest_key: bytes
    newest_kept: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHistory:
    """Keeps the frames of a stream that fall on an even grid of times, and the newest one.

    Frame n of the stream is kept if n = rint(k s) for a whole k, s = max(frame_rate / fps, 1):
    the grid begins at the start and never moves, so that a clip grows at its end alone and what
    was computed for its beginning holds. Where more than ``max_frames`` would be kept, every other
    one is dropped, and every other one of those to come: an episode of any length is spanned by
    ``max_frames / 2`` to ``max_frames`` frames.

    Args:
        fps: Frames per second that the model reads, above 0.
        frame_rate: Frames per second of the stream; 0 stands for ``fps``, so that every frame is
            taken.
        max_frames: Most frames to keep, at least 2.

    Raises:
        ConfigError: If an argument is out of range.
    """

    fps: float
    frame_rate: float
    max_frames: int

    def __post_init__(self) -> None:
        if not 0.0 < self.fps <= 1000.0 or not 0.0 <= self.frame_rate <= 1000.0:
            raise ConfigError(
                "`fps` must lie in (0, 1000] and `frame_rate` in [0, 1000] (0: as `fps`), got "
                f"{self.fps} and {self.frame_rate}."
            )
        if self.max_frames < 2:
            raise ConfigError(f"`max_frames` must be at least 2, got {self.max_frames}.")

    def note(self, episode: Episode, picture: Picture) -> None:
        """Take the next frame.

        The frame with which an episode was opened may be given once more as the first that is
        estimated, as those do who read whole videos; it counts once.

        Raises:
            FrameError: If its size is not that of the frames before.
        """
        state = self._begun(episode, picture)
        again = state["seen"] == 1 and episode.steps == 0 and picture.key == state["keys"][0]
        if again:
            return
        if picture.pixels.shape != state["newest"].shape:
            raise FrameError(
                f"Frames of an episode must have one size, got {picture.pixels.shape} after "
                f"{state['newest'].shape}; open a new episode when the camera changes."
            )
        step = max((self.frame_rate or self.fps) / self.fps, 1.0)
        frame = picture.pixels.copy()
        frame.setflags(write=False)  # so that copies of an episode can share it
        state["newest"], state["newest_key"] = frame, picture.key
        tick = state["seen"] == int(np.rint(state["ticks"] * step))
        state["newest_kept"] = tick and state["ticks"] % state["stride"] == 0
        state["seen"] += 1
        state["ticks"] += tick
        if state["newest_kept"]:
            state["frames"].append(state["newest"])
            state["keys"].append(state["newest_key"])
        if len(state["frames"]) > self.max_frames:
            state["newest_kept"] = len(state["frames"]) % 2 == 1
            state["frames"], state["keys"] = state["frames"][::2], state["keys"][::2]
            state["stride"] *= 2

    def kept(self, episode: Episode, *, newest: bool) -> tuple[Picture, ...]:
        """Return the frames on the grid, oldest first.

        Args:
            episode: An episode that has noted a frame.
            newest: Whether the newest frame follows them where it is not on the grid.
        """
        state = _state(episode)
        frames = [Picture.known(f, k) for f, k in zip(state["frames"], state["keys"], strict=True)]
        if newest and not state["newest_kept"]:
            frames.append(Picture.known(state["newest"], state["newest_key"]))
        return tuple(frames)

    def clip(self, episode: Episode, *, newest: bool) -> Clip:
        """Return the frames on the grid as a clip at their own rate.

        Args:
            episode: An episode that has noted a frame.
            newest: Whether the newest frame ends the clip where it is not on the grid. Its time
                then counts as that of the next tick, less than one interval too late.
        """
        rate = min(self.fps, self.frame_rate or self.fps) / _state(episode)["stride"]
        return Clip(self.kept(episode, newest=newest), rate)

    def spread(self, episode: Episode, count: int) -> tuple[Picture, ...]:
        """Return ``count`` frames, evenly spread from the first to the newest.

        Frame i is the one at rint(i (T - 1) / (count - 1)) of the T that are kept, the newest
        among them; where there are fewer than ``count``, the newest is repeated. One frame is the
        newest.
        """
        frames = self.kept(episode, newest=True)
        if len(frames) <= count:
            return frames + (frames[-1],) * (count - len(frames))
        last = len(frames) - 1
        places = np.rint(np.linspace(0.0, last, count)).astype(int) if count > 1 else [last]
        return tuple(frames[place] for place in places)

    def ticked(self, episode: Episode) -> bool:
        """Return whether the newest frame is on the grid and kept."""
        return _state(episode)["newest_kept"]

    def _begun(self, episode: Episode, picture: Picture) -> _State:
        if "history" not in episode.memory:
            fresh: _State = {
                "seen": 0,
                "ticks": 0,
                "stride": 1,
                "frames": [],
                "keys": [],
                "newest": picture.pixels,
                "newest_key": picture.key,
                "newest_kept": False,
            }
            episode.memory["history"] = fresh
        return _state(episode)


def _state(episode: Episode) -> _State:
    state = episode.memory.get("history")
    if not isinstance(state, dict):
        raise FrameError(
            "An episode must hold `history` in its memory, got "
            f"{sorted(episode.memory)}; open episodes with this model's `begin`."
        )
    return cast("_State", state)
