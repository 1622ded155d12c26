"""Reward models that read whole episodes only, and reading videos by any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from kibble.rewards.causal import known_views, read_causally
from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.types import Estimate, Frames, ModelSpec, RewardModel, Task

__all__ = ["WholeEpisode", "read_videos", "require_causal"]


@runtime_checkable
class WholeEpisode(Protocol):
    """A model that needs the last frame to judge the first; its ``spec.causal`` is False."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is, which views it needs and at what size."""
        ...

    def read_episode(self, task: Task, frames: Frames) -> Estimate:
        """Read an episode that has ended.

        Args:
            task: What success looks like.
            frames: (T, H, W, 3) uint8 RGB per view, of views that the model knows.

        Returns:
            The estimate of each frame, (T,).

        Raises:
            FrameError: If a required view is missing.
            ConnectionError: If the model runs elsewhere and cannot be reached.
        """
        ...


class _Reads(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def causal(self) -> bool: ...


def require_causal(model: _Reads) -> None:
    """Refuse a model that reads whole episodes only, where frames are read as they come.

    Args:
        model: Its spec, or its card before its weights are loaded.

    Raises:
        ConfigError: If it is not causal.
    """
    if not model.causal:
        raise ConfigError(
            f"Reward model {model.name!r} reads whole episodes, so that it knows the end before "
            "it judges the beginning: it cannot train, serve or run on a robot, which read frames "
            "as they come. Use it with kibble score or kibble benchmark, or choose a model that "
            "kibble models lists as online."
        )


def read_videos(
    model: RewardModel,
    videos: Sequence[tuple[Task, Frames]],
    *,
    batch: int = 32,
    on_frame: Callable[[int], None] | None = None,
    on_sketch: Callable[[int, Sketch | None], None] | None = None,
) -> list[Estimate]:
    """Estimate every frame of videos, by whatever way the model reads.

    A causal model reads them as a robot would (:func:`kibble.rewards.causal.read_causally`), any
    other each video as a whole.

    Args:
        model: Any reward model.
        videos: Pairs of a task and (T, H, W, 3) uint8 RGB frames per view; T may differ.
        batch: Largest number of frames in one call of a causal model.
        on_frame: Called with the number of frames just read.
        on_sketch: See :func:`kibble.rewards.causal.read_causally`.

    Returns:
        One estimate of shape (T,) for each video, in the order given.

    Raises:
        FrameError: If a video has no frames or no view that the model knows.
        ModelError: If a model that is not causal cannot read whole episodes either.
        ValueError: If ``batch`` is less than 1.
    """
    if model.spec.causal:
        return read_causally(model, videos, batch=batch, on_frame=on_frame, on_sketch=on_sketch)
    if not isinstance(model, WholeEpisode):
        raise ModelError(
            f"Reward model {model.spec.name!r} is not causal, so it must have `read_episode`, got "
            f"a {type(model).__name__} without; a combination takes causal members alone."
        )
    estimates = []
    for task, frames in videos:
        known = known_views(model, frames)
        steps = len(next(iter(known.values())))
        estimate = model.read_episode(task, known)
        if len(estimate) != steps:
            raise ModelError(
                f"Reward model {model.spec.name!r} must answer one value per frame, {steps}, got "
                f"{len(estimate)}; mend the model."
            )
        estimates.append(estimate)
        if on_frame is not None:
            on_frame(steps)
    return estimates
