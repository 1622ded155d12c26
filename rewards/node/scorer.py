"""The border between the reward node and its model: whatever happens there becomes a status."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from kibble.rewards.episode_reader import EpisodeReader, Reading
from kibble.rewards.errors import FrameError
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.types import Frames, RewardModel, Status, Task

__all__ = ["Scored", "Scorer"]

_LOGGER = logging.getLogger(__name__)


@runtime_checkable
class _Closes(Protocol):
    """A reward model that holds connections."""

    def close(self) -> None: ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What became of one set of frames.

    Args:
        episode: Name of the episode that they belong to.
        stamp: Of the newest frame, ns.
        frame_id: Of its camera.
        reading: What the model made of them.
        version: Of the model that read them.
        model_time: s that it took.
        sizes: View to (height, width) of its frame.
        sketch: What the model can show of it, if anything.
    """

    episode: str
    stamp: int
    frame_id: str
    reading: Reading
    version: str
    model_time: float
    sizes: Mapping[str, tuple[int, int]]
    sketch: Sketch | None = None


@final
class Scorer:
    """Reads one episode after another by one model, one set of frames at a time.

    An episode begins with the first frames that could be opened with: while the model fails on
    these, the next ones are tried. Nothing that a model raises stops a robot's node: it becomes a
    reading with MODEL_ERROR, or MISSING_VIEW where frames do not suit, and the next frames are
    read as if nothing had been. Belongs to one thread.

    Args:
        model: The reward model.
        goal: Frames of the finished scene, N = 1, or ``None``.

    Attributes:
        failures: How many readings had another status than OK.
    """

    def __init__(self, model: RewardModel, goal: Frames | None = None) -> None:
        self._reader = EpisodeReader(model, 1)
        self._goal = goal
        self._open = ""
        self.failures = 0

    @property
    def model(self) -> RewardModel:
        """The reward model."""
        return self._reader.model

    def read(
        self, episode: str, instruction: str, frames: Frames, *, stamp: int, frame_id: str = ""
    ) -> Scored:
        """Read the newest frames of an episode; those of a new one open it.

        Args:
            episode: Its name.
            instruction: Its task.
            frames: (1, H, W, 3) uint8 RGB per view.
            stamp: Of the newest frame, ns.
            frame_id: Of its camera.
        """
        began = time.perf_counter()
        try:
            reading = self._read(episode, instruction, frames)
        except FrameError as error:
            reading = Reading(status=Status.MISSING_VIEW, reason=str(error))
        except Exception as error:  # any model may raise anything; a robot's node goes on
            reading = Reading(status=Status.MODEL_ERROR, reason=f"{type(error).__name__}: {error}")
            self._explain(error)
        took = time.perf_counter() - began
        self.failures += reading.status is not Status.OK
        return Scored(
            episode=episode,
            stamp=stamp,
            frame_id=frame_id,
            reading=reading,
            version=self._reader.versions[0],
            model_time=took,
            sizes={view: (array.shape[1], array.shape[2]) for view, array in frames.items()},
            sketch=self._reader.sketch(0) if reading.status is Status.OK else None,
        )

    def close(self) -> None:
        """Let go of the open episode and of the model's connections."""
        self._reader.end(0)
        self._open = ""
        if isinstance(self.model, _Closes):
            self.model.close()

    def _read(self, episode: str, instruction: str, frames: Frames) -> Reading:
        if episode == self._open:
            return self._reader.read({0: frames})[0]
        self._open = ""
        task = Task(instruction=instruction, goal_frames=self._goal)
        reading = self._reader.open(0, task, frames)
        if reading.status is Status.OK:
            self._open = episode
        return reading

    def _explain(self, error: Exception) -> None:
        """Log what was raised at the 1st, 2nd, 4th, 8th … failure, with where it came from."""
        if self.failures & (self.failures + 1) == 0:
            _LOGGER.warning(
                "Reward model %r failed; its potential is held.",
                self.model.spec.name,
                exc_info=error,
            )
