"""Which smoothing repairs a noisy progress: SAC moves a block in the plane, shaped by Phi + noise.

    python benchmarks/smoothing.py            # about half an hour on one core

It needs neither a simulator nor a camera: progress is exact, the noise is added.
"""

from __future__ import annotations

import argparse
import time

import gymnasium as gym
import numpy as np
import torch
from environment import write_results
from numpy.typing import NDArray
from stable_baselines3 import SAC

from kibble.rewards.shaping import shaping_term
from kibble.rewards.smoothing import Ema, Hysteresis, RunningMedian, Smoother

SMOOTHERS: dict[str, Smoother] = {
    "none": Ema(lag=0.0),
    "ema lag 1": Ema(lag=1.0),
    "ema lag 2": Ema(lag=2.0),
    "ema lag 4": Ema(lag=4.0),
    "median lag 1": RunningMedian(lag=1),
    "median lag 2": RunningMedian(lag=2),
    "hysteresis band 0.05": Hysteresis(band=0.05),
    "hysteresis band 0.1": Hysteresis(band=0.1),
}
STEPS, GAMMA, SCALE, BONUS = 40, 0.9, 5.0, 10.0


class MoveBlock(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A hand must reach a block, which then sticks to it, and carry it to a goal.

    Progress is 1/2 (1 - d(hand, block)) + 1/2 (1 - d(block, goal)), distances as shares of those
    at the start; a reading of it has normal noise, one draw per frame.
    """

    def __init__(self, smoother: Smoother, *, sigma: float, mode: str) -> None:
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (5,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._smoother, self._sigma, self._mode = smoother, sigma, mode

    def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
        super().reset(seed=seed)
        self._hand, self._block, self._goal = self.np_random.uniform(-1.0, 1.0, (3, 2))
        self._starts = self._distances() + 1e-6
        self._steps, self._held = 0, False
        self._memory = self._smoother.begin(self._reading())
        return self._observation(), {}

    def step(self, action):  # type: ignore[no-untyped-def]
        self._hand = np.clip(self._hand + 0.12 * np.asarray(action, np.float64), -1.0, 1.0)
        self._held = self._held or self._distances()[0] < 0.1
        if self._held:
            self._block = self._hand.copy()
        self._steps += 1
        success = bool(self._distances()[1] < 0.1)
        phi = self._phi()
        self._memory = self._smoother.step(self._memory, self._reading())
        shaping = shaping_term([phi], [self._phi()], [success], gamma=GAMMA, mode=self._mode)[0]
        truncated = self._steps >= STEPS and not success
        reward = BONUS * success + float(shaping)
        return self._observation(), reward, success, truncated, {"is_success": success}

    def _phi(self) -> float:
        return SCALE * (float(self._memory[0]) - 1.0)

    def _distances(self) -> NDArray[np.float64]:
        return np.array(
            [
                np.linalg.norm(self._hand - self._block),
                np.linalg.norm(self._block - self._goal),
            ]
        )

    def _reading(self) -> float:
        progress = 1.0 - float((self._distances() / self._starts).clip(0.0, 1.0).mean())
        return float(np.clip(progress + self.np_random.normal(0.0, self._sigma), 0.0, 1.0))

    def _observation(self) -> NDArray[np.float32]:
        to_block, to_goal = self._block - self._hand, self._goal - self._block
        return np.concatenate([to_block, to_goal, [float(self._held)]]).astype(np.float32)


def success_after_training(
    smoother: Smoother, *, sigma: float, mode: str, seed: int, steps: int
) -> float:
    """Train and return the share of 100 episodes that succeed."""
    env = MoveBlock(smoother, sigma=sigma, mode=mode)
    agent = SAC(
        "MlpPolicy",
        env,
        learning_rate=1e-3,
        batch_size=128,
        gamma=GAMMA,
        learning_starts=200,
        ent_coef="auto_0.05",
        policy_kwargs={"net_arch": [64, 64]},
        seed=seed,
        device="cpu",
    )
    agent.learn(steps)
    wins = 0
    for episode in range(100):
        obs, _ = env.reset(seed=10_000 + episode)
        over = False
        while not over:
            action, _ = agent.predict(obs, deterministic=True)
            obs, _, won, truncated, _ = env.step(action)
            over = won or truncated
        wins += won
    return wins / 100


def main() -> None:
    """Measure and write one row per cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--smoothers", default=",".join(SMOOTHERS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cells = [("difference", 0.0, "none"), ("difference", 0.0, "ema lag 2")]
    cells += [("difference", 0.05, name) for name in given.smoothers.split(",")]
    rows: list[dict[str, object]] = []
    for mode, sigma, name in cells:
        began = time.perf_counter()
        rates = [
            success_after_training(
                SMOOTHERS[name], sigma=sigma, mode=mode, seed=seed, steps=given.steps
            )
            for seed in range(given.seeds)
        ]
        rows.append(
            {
                "mode": mode,
                "sigma": sigma,
                "smoothing": name,
                "success": rates,
                "seeds": list(range(given.seeds)),
            }
        )
        print(
            f"{mode} sigma {sigma} {name}: {rates} ({time.perf_counter() - began:.0f} s)",
            flush=True,
        )
        write_results("smoothing", {"steps": given.steps, "rows": rows})


if __name__ == "__main__":
    main()
