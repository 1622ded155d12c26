"""What one environment alone is paid: the reference that every vector form must equal."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from tests.line_env import LineEnv
from tests.reward_models import SmoothedModel

from kibble.envs import CaptureFrames, ShapedReward

GAMMA, SEED, STEPS, MEMBERS = 0.9, 7, 60, 3


def actions() -> np.ndarray:
    """Mostly to the right, so that some episodes terminate and some are truncated; (T, N)."""
    return (np.random.default_rng(0).random((STEPS, MEMBERS)) < 0.75).astype(np.int64)


def make_captured(every: int = 1) -> gymnasium.Env:
    return CaptureFrames(LineEnv(), every=every)


def alone(mode: AutoresetMode, *, every: int, shaping: str = "potential") -> dict[str, np.ndarray]:
    """Step each member by itself; (T, N) of rewards, flags and potentials."""
    out = {name: np.zeros((STEPS, MEMBERS)) for name in ("reward", "phi")}
    out |= {name: np.zeros((STEPS, MEMBERS), np.bool_) for name in ("terminated", "truncated")}
    for i in range(MEMBERS):
        env = ShapedReward(
            LineEnv(), SmoothedModel(), gamma=GAMMA, query_every=every, mode=shaping
        )
        env.reset(seed=SEED + i)
        ended = False
        for t, action in enumerate(actions()[:, i]):
            if ended and mode is AutoresetMode.NEXT_STEP:
                _, info = env.reset()
                out["phi"][t, i] = info["phi"]
                ended = False
                continue
            if ended:
                env.reset()
            _, reward, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            out["reward"][t, i] = reward
            out["phi"][t, i] = info["phi"]
            out["terminated"][t, i] = terminated
            out["truncated"][t, i] = truncated
    assert out["terminated"].any()
    assert out["truncated"].any()
    return out
