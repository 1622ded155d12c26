"""One recorded episode, and how a policy makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
from numpy.typing import NDArray

from kibble.envs.frames import FrameSource
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.types import Frames

__all__ = ["Labels", "RecordedEpisode", "play_episode"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """What the simulator knows of an episode: for evaluation and training reward models only.

    Args:
        progress: (T + 1,) float32 in [0, 1].
        stage: (T + 1,) int64.
        success: (T + 1,) bool.
    """

    progress: NDArray[np.float32]
    stage: NDArray[np.int64]
    success: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedEpisode:
    """T steps between T + 1 states.

    Args:
        instruction: The task in one sentence.
        frames: (T + 1, H, W, 3) uint8 RGB per view.
        observations: (T + 1, D) float32.
        actions: (T, A) float32, ``actions[t]`` leads from state t to t + 1.
        rewards: (T,) float32, the task's own sparse reward.
        terminated: Whether the last state ended the task.
        truncated: Whether the time limit ended the episode.
        labels: The simulator's own judgement, or ``None`` where the environment gives none.
        fps: States per second, or ``None`` where nobody says.
        outcome: What the recording itself says of success, or ``None`` where it says nothing.
    """

    instruction: str
    frames: Frames
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: bool
    truncated: bool
    labels: Labels | None
    fps: float | None = None
    outcome: bool | None = None

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def success(self) -> bool:
        """Whether the task was done when the episode ended."""
        if self.labels is not None:
            return bool(self.labels.success[-1])
        return self.terminated if self.outcome is None else self.outcome

    @property
    def times(self) -> NDArray[np.float64] | None:
        """(T + 1,) s from the first state, or ``None`` where nobody says."""
        return None if self.fps is None else np.arange(len(self) + 1) / self.fps


def play_episode(
    env: gymnasium.Env[NDArray[np.float32], NDArray[np.float32]],
    source: FrameSource,
    act: Callable[[], NDArray[np.float32]],
    *,
    seed: int,
    instruction: str | None = None,
) -> RecordedEpisode:
    """Play one episode and keep every frame of it.

    Args:
        env: The environment, time limit included.
        source: What renders it.
        act: The policy; called once before each step.
        seed: Seed of the reset.
        instruction: The task in one sentence, or ``None`` for what ``info`` says.

    Returns:
        The episode.
    """
    observation, info = env.reset(seed=seed)
    spoken = instruction or str(info.get("instruction", ""))
    observations, infos, frames = [observation], [info], [source.frames()]
    actions, rewards = [], []
    terminated = truncated = False
    while not (terminated or truncated):
        action = act()
        observation, reward, terminated, truncated, info = env.step(action)
        actions.append(action)
        rewards.append(float(reward))
        observations.append(observation)
        infos.append(info)
        frames.append(source.frames())
    return RecordedEpisode(
        instruction=spoken,
        frames=concatenate_frames(frames),
        observations=np.asarray(observations, np.float32),
        actions=np.asarray(actions, np.float32),
        rewards=np.asarray(rewards, np.float32),
        terminated=terminated,
        truncated=truncated,
        labels=_labels(infos),
    )


def _labels(infos: list[dict[str, object]]) -> Labels | None:
    if not all("progress" in info for info in infos):
        return None
    return Labels(
        progress=np.asarray([info["progress"] for info in infos], np.float32),
        stage=np.asarray([info["stage"] for info in infos], np.int64),
        success=np.asarray([info["is_success"] for info in infos], np.bool_),
    )
