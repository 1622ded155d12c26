"""Vector environments on the line, scored in any kind, and buffers that follow them."""

from __future__ import annotations

from functools import partial

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel

from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.envs import CaptureFrames
from kibble.rewards import RewardModel
from kibble.rewards.frame_keys import frame_keys
from kibble.rewards.potential import Potential
from kibble.rewards.shaper import Shaper
from kibble.rewards.smoothing import Smoother
from kibble.rewards.types import Frames

GAMMA = 0.9
KINDS = ("immediate", "deferred", "asynchronous")


class AheadModel(CentroidModel):
    """A centroid model that reads frames ahead, and knows which it had read by then."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead: list[int] = []
        self.found = 0
        self._known: dict[bytes, np.float32] = {}

    def prefetch(self, frames: Frames) -> None:
        self._known = dict(zip(frame_keys(frames), super().read(frames), strict=True))
        self.ahead.append(len(frames["front"]))

    def read(self, frames: Frames) -> np.ndarray:
        keys = frame_keys(frames)
        if all(key in self._known for key in keys):
            self.found += len(keys)
            return np.array([self._known[key] for key in keys], np.float32)
        return super().read(frames)


def make_shaper(smoothing: Smoother | None, model: RewardModel, slots: int) -> Shaper:
    potential = Potential(
        model, slots=slots, scale=2.0, shift=-1.0, smoothing=smoothing, max_failure_share=1.0
    )
    return Shaper(potential, slots=slots, gamma=GAMMA)


def line_venv(
    model: RewardModel,
    *,
    kind: str = "immediate",
    every: int = 1,
    members: int = 3,
    batch: int = 20,
    store_mb: float = 0.0,
    exact: bool = True,
    smoothing: Smoother | None = None,
    instruction: str = "move the dot to the right",
) -> ShapedVecEnv:
    def member() -> gymnasium.Env:
        return CaptureFrames(LineEnv(instruction=instruction), every=every)

    return ShapedVecEnv(
        DummyVecEnv([member] * members),
        make_shaper(smoothing, model, members),
        scoring=ScoringConfig(kind=kind, batch=batch, store_mb=store_mb, exact=exact),
        remake=partial(make_shaper, smoothing),
    )


def buffer_of(venv: ShapedVecEnv, size: int = 60) -> PotentialReplayBuffer:
    buffer = PotentialReplayBuffer(
        size * venv.num_envs, venv.observation_space, venv.action_space, n_envs=venv.num_envs
    )
    buffer.follow(venv.scoring)
    return buffer


def walk(venv: ShapedVecEnv, buffer: PotentialReplayBuffer, steps: int, seed: int = 0) -> list:
    """Take random steps, mostly to the right, and store them; return the infos."""
    rng = np.random.default_rng(seed)
    venv.seed(seed)
    before = venv.reset()
    told = []
    for t in range(steps):
        action = (rng.random(venv.num_envs) < 0.75).astype(np.int64)
        if t == steps // 2:
            venv.scoring.set_weight(0.5)
        after, rewards, dones, infos = venv.step(action)
        buffer.add(before, after, action[:, None], rewards, dones, infos)
        before = after
        told.append(infos)
    return told


def all_rewards(buffer: PotentialReplayBuffer) -> np.ndarray:
    """Rewards of all rows as the buffer derives them, (B, N)."""
    filled = buffer.buffer_size if buffer.full else buffer.pos
    rows, slots = (index.ravel() for index in np.indices((filled, buffer.n_envs)))
    return buffer.kept.rewards(rows, slots).reshape(filled, buffer.n_envs)
