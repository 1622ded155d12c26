"""The vocabulary that every reward model, wrapper and agent shares."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, ModelError

__all__ = ["Episode", "Estimate", "Frames", "ModelSpec", "RewardModel", "Status", "Task"]

Frames: TypeAlias = Mapping[str, NDArray[np.uint8]]
"""View name to frames, uint8 RGB, C-contiguous, (N, H, W, 3); N is the same in every view."""


class Status(enum.IntEnum):
    """What became of one frame's estimate. Anything but ``OK`` holds the last potential."""

    OK = 0
    STALE = 1
    TIMEOUT = 2
    PARSE_ERROR = 3
    MODEL_ERROR = 4
    MISSING_VIEW = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """What success looks like.

    Args:
        instruction: One plain sentence, such as "push the red cube onto the green pad".
        goal_frames: Frames of the finished task, N = 1, or ``None``.
        start_frames: Reference frames of the untouched scene, N = 1, or ``None``.
        demonstration: Frames of one reference demonstration, N = its length, or ``None``.

    Raises:
        ConfigError: If the instruction is blank.
    """

    instruction: str
    goal_frames: Frames | None = None
    start_frames: Frames | None = None
    demonstration: Frames | None = None

    def __post_init__(self) -> None:
        if not self.instruction.strip():
            raise ConfigError(
                f"`instruction` must say what success looks like, got {self.instruction!r}; "
                "write one sentence such as 'push the red cube onto the green pad'."
            )


@dataclass(slots=True, kw_only=True, eq=False)
class Episode:
    """What a reward model remembers within one episode of one robot.

    A model opens it with :meth:`RewardModel.begin` and alone writes to it.

    Args:
        task: The task that the episode is about.
        progress: The last estimate of progress, in [0, 1].
        steps: Frames estimated since the start frame.
        memory: The model's own tensors by name: start, goal and last embeddings and the like. A
            model that reads a frame in two ways may leave ``disagreement`` there, their distance
            in [0, 1] as a float, for those who watch it.
    """

    task: Task
    progress: float = 0.0
    steps: int = 0
    memory: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A reward model's reading of N frames, one per episode.

    Args:
        progress: (N,) float32 in [0, 1].
        success: (N,) float32 probability that the task is done.
        confidence: (N,) float32 in [0, 1].
        status: (N,) int8 of :class:`Status`. Where it is not ``OK`` the other fields carry no
            information and the last potential is to be held.

    Raises:
        ModelError: If shapes differ, or a value with status ``OK`` is not finite and in [0, 1].
    """

    progress: NDArray[np.float32]
    success: NDArray[np.float32]
    confidence: NDArray[np.float32]
    status: NDArray[np.int8]

    def __post_init__(self) -> None:
        shape = self.status.shape
        if len(shape) != 1:
            raise ModelError(f"`status` must have shape (N,), got {shape}.")
        ok = self.status == Status.OK
        for name in ("progress", "success", "confidence"):
            values = getattr(self, name)
            if values.shape != shape:
                raise ModelError(
                    f"`{name}` must have shape {shape} like `status`, got {values.shape}."
                )
            bad = ok & ~((values >= 0.0) & (values <= 1.0))  # NaN compares false, so it is bad
            if bad.any():
                raise ModelError(
                    f"`{name}` must lie in [0, 1] where status is OK, got {values[bad][0]} for "
                    f"frame {int(np.flatnonzero(bad)[0])}; a model that cannot answer sets "
                    "another status."
                )

    def __len__(self) -> int:
        return int(self.status.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What a reward model is and what it asks for.

    Args:
        name: Short name for logs and tables.
        version: Fingerprint of the weights; equal fingerprints give equal estimates.
        views: Views that it reads, in order of importance.
        required_views: Those of them that it cannot do without.
        image_size: (height, width) in pixels that it works at, to which other sizes are resized;
            ``None`` for a model that takes frames as they come and keeps their proportions.
        needs_goal: Whether ``Task.goal_frames`` must be given.
        causal: Whether it reads frames as they come, without later ones.
    """

    name: str
    version: str
    views: tuple[str, ...]
    required_views: tuple[str, ...]
    image_size: tuple[int, int] | None
    needs_goal: bool = False
    causal: bool = True


@runtime_checkable
class RewardModel(Protocol):
    """Anything that reads progress from frames: network, CLIP, VLM, keypoints or a service."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is, which views it needs and at what size."""
        ...

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode.

        Args:
            task: What success looks like.
            start_frames: The episode's first frames, (1, H, W, 3) uint8 RGB per view.

        Returns:
            The episode; ``progress`` holds the estimate of the start frames.

        Raises:
            FrameError: If a required view is missing or an array is not uint8 (1, H, W, 3).
        """
        ...

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames, frame ``i`` being the newest of ``episodes[i]``, in one batch.

        Args:
            episodes: N distinct open episodes; updated in place.
            frames: (N, H, W, 3) uint8 RGB per view.

        Returns:
            The estimate of each frame.

        Raises:
            FrameError: If the frames do not fit the episodes or the model.
        """
        ...
