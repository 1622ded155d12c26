"""The simulator's own progress as a reward model: for studies of what a learned reward costs."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import cast, final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Task

__all__ = ["ORACLE_VIEW", "OracleFrames", "OracleModel", "oracle_frames"]

_LOGGER = logging.getLogger(__name__)
ORACLE_VIEW = "oracle"
"""The view whose frames are not pictures, but hold the simulator's progress."""

_PIXELS = 2


def oracle_frames(progress: float, success: bool) -> Frames:
    """Write progress and success into a frame of the view ``oracle``.

    Args:
        progress: In [0, 1], kept as float32.
        success: Whether the task is done.

    Returns:
        (1, 1, 2, 3) uint8: the four bytes of progress, success, and a byte of nothing.

    >>> OracleModel.read(oracle_frames(0.25, True))
    (array([0.25], dtype=float32), array([1.], dtype=float32))
    """
    content = np.frombuffer(np.float32(progress).tobytes() + bytes([success, 0]), np.uint8)
    return {ORACLE_VIEW: content.reshape(1, 1, _PIXELS, 3).copy()}


@final
class OracleModel:
    """A reward model that reads frames of :class:`OracleFrames`, and is always right.

    It goes the way of every reward model, so ``reward=oracle`` is paid by the same rules, holds
    and signals as ``reward=model``, and the difference of two runs is that of the readings.
    """

    def __init__(self) -> None:
        self._spec = ModelSpec(
            name="oracle",
            version="simulator",
            views=(ORACLE_VIEW,),
            required_views=(ORACLE_VIEW,),
            image_size=(1, _PIXELS),
        )
        _LOGGER.warning(
            "The reward reads the simulator's own progress (reward=oracle): results say what a "
            "perfect reward model would give, not what Kibble gives."
        )

    @property
    def spec(self) -> ModelSpec:
        """What the model is: one view, whose frames are 1 by 2 pixels."""
        return self._spec

    @staticmethod
    def read(frames: Frames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return progress and success that were written into N frames, (N,) float32 each."""
        content = frames[ORACLE_VIEW].reshape(len(frames[ORACLE_VIEW]), -1)  # (N, 6)
        progress = np.ascontiguousarray(content[:, :4]).view(np.float32)[:, 0]
        return progress, content[:, 4].astype(np.float32)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode."""
        return Episode(task=task, progress=float(self.read(start_frames)[0][0]))

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames."""
        progress, success = self.read(frames)
        for episode, value in zip(episodes, progress.tolist(), strict=True):
            episode.progress = value
            episode.steps += 1
        return Estimate(
            progress=progress,
            success=success,
            confidence=np.ones(len(progress), np.float32),
            status=np.zeros(len(progress), np.int8),
        )


@final
class OracleFrames(gymnasium.Wrapper[object, object, object, object]):
    """Offers ``info["progress"]`` and ``info["is_success"]`` as frames of the view ``oracle``.

    Nothing else in training reads those values.
    """

    def __init__(self, env: gymnasium.Env[object, object]) -> None:
        super().__init__(env)
        self._info: dict[str, object] = {}

    @property
    def views(self) -> tuple[str, ...]:
        """The one view."""
        return (ORACLE_VIEW,)

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Write down the present progress; see :class:`kibble.envs.frames.FrameSource`.

        Raises:
            ConfigError: If the environment does not tell its progress.
            FrameError: If the progress is not a number in [0, 1].
        """
        if "progress" not in self._info:
            raise ConfigError(
                "`reward=oracle` needs an environment that gives `progress` in its info, got "
                f"keys {sorted(self._info)}; use a task of the tabletop suite, or a reward model."
            )
        progress = float(cast("float", self._info["progress"]))
        if not 0.0 <= progress <= 1.0 or math.isnan(progress):
            raise FrameError(
                f"`info['progress']` must lie in [0, 1], got {progress}; mend the environment."
            )
        return oracle_frames(progress, bool(self._info.get("is_success", False)))

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[object, dict[str, object]]:
        """Reset, and remember what the environment tells."""
        observation, self._info = self.env.reset(seed=seed, options=options)
        return observation, self._info

    def step(self, action: object) -> tuple[object, float, bool, bool, dict[str, object]]:
        """Step, and remember what the environment tells."""
        observation, reward, terminated, truncated, self._info = self.env.step(action)
        return observation, float(reward), terminated, truncated, self._info
