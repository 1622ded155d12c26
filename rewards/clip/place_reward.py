"""A reward model that reads where a frame lies between sentences, each frame alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.clip.encoder import ClipEncoder
from kibble.rewards.errors import ConfigError, FrameError, ModelError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["PlaceReading", "PlaceReward"]


class PlaceReading(Protocol):
    """How places on the unit sphere become progress.

    It keeps what it needs of an episode as plain numbers in ``Episode.memory``.
    """

    def begin(
        self, episode: Episode, start: NDArray[np.float32], goal: NDArray[np.float32] | None
    ) -> None:
        """Note the start of an episode.

        Args:
            episode: The episode; its task is known.
            start: (D,) place of the start frame.
            goal: (D,) place of the task's goal frame, where it has one.
        """
        ...

    def read(
        self, episodes: Sequence[Episode], places: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Read (N, D) places of N episodes' newest frames.

        Returns:
            (N,) progress and (N,) probability of success, both in [0, 1].
        """
        ...


@final
class PlaceReward:
    """A reading over an encoder, as a reward model.

    It compares a frame with sentences and remembers nothing of the frames before. It has no doubt
    of its own: the confidence is 1. Where the model gives NaN the status is ``MODEL_ERROR``.

    Args:
        reading: How places become progress.
        encoder: What places frames and sentences.
        spec: What the model is; it reads the first of its views.
    """

    def __init__(self, reading: PlaceReading, encoder: ClipEncoder, spec: ModelSpec) -> None:
        self._reading = reading
        self._encoder = encoder
        self._spec = spec

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames of any size and brings them to its own."""
        return self._spec

    @property
    def device(self) -> str:
        """Where the encoder computes."""
        return self._encoder.device

    @property
    def embedding_size(self) -> int:
        """Width D of the embedding, that of the common space."""
        return self._encoder.width

    def embed(self, frames: Frames) -> NDArray[np.float32]:
        """Embed N frames of the view that it reads; see :class:`kibble.rewards.Embedder`.

        Raises:
            FrameError: If the view is missing.
            ModelError: If the model gives NaN.
        """
        check_frames(frames, views=self._spec.required_views)
        places = self._encoder.pictures(frames[self._view])
        if not np.isfinite(places).all():
            raise ModelError(f"Embeddings of {self._spec.name!r} must be finite, got NaN.")
        return places

    def prefetch(self, frames: Frames) -> None:
        """Encode N frames ahead; see :class:`kibble.rewards.prefetch.Prefetching`.

        More than are kept are left to the calls that need them.
        """
        images = frames[self._view]
        if len(images) <= self._encoder.capacity:
            self._encoder.pictures(images)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode; see :class:`kibble.rewards.types.RewardModel`.

        Raises:
            ConfigError: If the model needs goal frames and the task has none.
            FrameError: If the view is missing.
            ModelError: If the model gives NaN for the start or the goal.
        """
        check_frames(start_frames, views=self._spec.required_views, count=1)
        if self._spec.needs_goal and task.goal_frames is None:
            raise ConfigError(
                f"Reward model {self._spec.name!r} needs `goal_frames` with these options, got a "
                "task without; give a picture of the finished task."
            )
        goal = None
        if task.goal_frames is not None and self._view in task.goal_frames:
            goal = self.embed(task.goal_frames)[0]
        elif self._spec.needs_goal:
            raise FrameError(
                f"`goal_frames` must show view {self._view!r}, got "
                f"{sorted(task.goal_frames or ())}; take them with the same camera."
            )
        episode = Episode(task=task)
        start = self.embed(start_frames)
        self._reading.begin(episode, start[0], goal)
        episode.progress = float(self._reading.read([episode], start)[0][0])
        return episode

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames in one batch; see :class:`kibble.rewards.types.RewardModel`."""
        check_frames(frames, views=self._spec.required_views, count=len(episodes))
        places = self._encoder.pictures(frames[self._view])
        known: NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=1))
        progress, success = self._reading.read(episodes, places)
        for episode, value, fine in zip(episodes, progress.tolist(), known, strict=True):
            episode.steps += 1
            if fine:
                episode.progress = value
        return Estimate(
            progress=np.where(known, progress, np.nan).astype(np.float32),
            success=np.where(known, success, np.nan).astype(np.float32),
            confidence=np.where(known, 1.0, np.nan).astype(np.float32),
            status=np.where(known, Status.OK, Status.MODEL_ERROR).astype(np.int8),
        )

    @property
    def _view(self) -> str:
        return self._spec.views[0]
