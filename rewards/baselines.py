"""Reward models that understand nothing: what a metric gives them, it gives away.

A metric that one of these does well in does not show that a model understands frames.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames, resize_frames
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["BASELINES", "PixelGoal", "RandomProgress", "TimeCounter"]

BASELINES = ("time_counter", "pixel_goal", "random")
VIEWS = ("front", "wrist")
_SIZE = (96, 96)


def _spec(name: str, views: Sequence[str], *, needs_goal: bool = False) -> ModelSpec:
    return ModelSpec(
        name=name,
        version="1",
        views=tuple(views),
        required_views=(),
        image_size=_SIZE,
        needs_goal=needs_goal,
    )


def _note(episodes: Sequence[Episode], progress: NDArray[np.float32]) -> None:
    for episode, value in zip(episodes, progress.tolist(), strict=True):
        episode.progress = value
        episode.steps += 1


def _estimate(
    progress: NDArray[np.float32],
    success: NDArray[np.float32],
    confidence: NDArray[np.float32],
) -> Estimate:
    return Estimate(
        progress=progress,
        success=success,
        confidence=confidence,
        status=np.full(len(progress), Status.OK, np.int8),
    )


@final
class TimeCounter:
    """Progress is time: min(steps / horizon, 1), whatever the frames show.

    The probability of success is the progress; the confidence is 1.

    Args:
        views: Views that it accepts and does not look at.
        horizon: Frames after which the task counts as done.

    Raises:
        ValueError: If the horizon is less than 1.
    """

    def __init__(self, *, views: Sequence[str] = VIEWS, horizon: int = 60) -> None:
        if horizon < 1:
            raise ValueError(f"`horizon` must be 1 or more, got {horizon}.")
        self._spec = _spec("time_counter", views)
        self._horizon = horizon

    @property
    def spec(self) -> ModelSpec:
        """What the model is and which views it accepts."""
        return self._spec

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode at step 0."""
        check_frames(start_frames, count=1)
        return Episode(task=task)

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Count; see :class:`kibble.rewards.types.RewardModel`."""
        check_frames(frames, count=len(episodes))
        steps = np.array([episode.steps + 1 for episode in episodes], np.float32)
        progress = np.minimum(steps / np.float32(self._horizon), np.float32(1.0))
        _note(episodes, progress)
        return _estimate(progress, progress.copy(), np.ones_like(progress))


@final
class PixelGoal:
    """Progress is how much nearer the pixels have come to the goal frames.

    Φ = clip(1 - d(frame, goal) / d(start, goal), 0, 1) with d the mean absolute difference of all
    pixels of the views that both have, at 96 x 96. Where the start equals the goal, Φ is 1 on
    equal frames and 0 on others. The probability of success is the progress; the confidence is 1.

    Args:
        views: Views that it compares.
    """

    def __init__(self, *, views: Sequence[str] = VIEWS) -> None:
        self._spec = _spec("pixel_goal", views, needs_goal=True)

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it needs goal frames."""
        return self._spec

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode.

        Raises:
            FrameError: If the task has no goal frames, or they share no view with the start.
        """
        check_frames(start_frames, count=1)
        if task.goal_frames is None:
            raise FrameError(
                "`pixel_goal` needs frames of the finished task, got a task without "
                "`goal_frames`; give goal frames, or choose a reward model that does without."
            )
        check_frames(task.goal_frames, count=1)
        shared = [
            view for view in self._spec.views if view in start_frames and view in task.goal_frames
        ]
        if not shared:
            raise FrameError(
                f"Goal frames must share a view with the episode, got {sorted(task.goal_frames)} "
                f"and {sorted(start_frames)}; take both with the same camera."
            )
        episode = Episode(task=task)
        goal = {view: _small(task.goal_frames[view]) for view in shared}
        episode.memory.update(goal=goal, scale=_distance(start_frames, goal))
        return episode

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Compare with the goal; see :class:`kibble.rewards.types.RewardModel`.

        Raises:
            FrameError: If a frame lacks a view that its episode began with.
        """
        check_frames(frames, count=len(episodes))
        progress = np.empty(len(episodes), np.float32)
        for i, episode in enumerate(episodes):
            goal, scale = episode.memory["goal"], episode.memory["scale"]
            assert isinstance(goal, dict)
            assert isinstance(scale, float)
            one = {view: array[i : i + 1] for view, array in frames.items()}
            check_frames(one, views=goal)
            away = _distance(one, goal)
            progress[i] = float(away == 0.0) if scale == 0.0 else 1.0 - away / scale
        progress = progress.clip(0.0, 1.0)
        _note(episodes, progress)
        return _estimate(progress, progress.copy(), np.ones_like(progress))


def _small(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return resize_frames(images, _SIZE).astype(np.float32)


def _distance(frames: Frames, goal: dict[str, NDArray[np.float32]]) -> float:
    """Mean absolute difference of pixels over views, in [0, 255]."""
    return float(
        np.mean([np.abs(_small(frames[view]) - image).mean() for view, image in goal.items()])
    )


@final
class RandomProgress:
    """Progress, success and confidence drawn uniformly from [0, 1), again for every frame.

    The draw depends on the seed, the instruction, the start frames and the step alone, so the same
    episode is always read the same way, however it is batched.

    Args:
        views: Views that it accepts; only those of the start frame seed the draw.
        seed: Source of the draws.
    """

    def __init__(self, *, views: Sequence[str] = VIEWS, seed: int = 0) -> None:
        self._spec = _spec("random", views)
        self._seed = seed

    @property
    def spec(self) -> ModelSpec:
        """What the model is and which views it accepts."""
        return self._spec

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode with a seed of its own."""
        check_frames(start_frames, count=1)
        mark = zlib.crc32(task.instruction.encode())
        for view in sorted(start_frames):
            mark = zlib.crc32(np.ascontiguousarray(start_frames[view]).tobytes(), mark)
        return Episode(task=task, memory={"mark": mark})

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Draw; see :class:`kibble.rewards.types.RewardModel`."""
        check_frames(frames, count=len(episodes))
        drawn = np.empty((3, len(episodes)), np.float32)
        for i, episode in enumerate(episodes):
            mark = episode.memory["mark"]
            assert isinstance(mark, int)
            rng = np.random.default_rng([self._seed, mark, episode.steps])
            drawn[:, i] = rng.random(3, dtype=np.float32)
        progress, success, confidence = drawn
        _note(episodes, progress)
        return _estimate(progress, success, confidence)
