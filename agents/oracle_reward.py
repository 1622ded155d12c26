"""Shaping by the simulator's own progress: for studies of what a learned reward costs."""

from __future__ import annotations

import logging
from typing import cast, final

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.config import ShapingConfig
from kibble.rewards.errors import ConfigError
from kibble.rewards.shaping import shaping_term

__all__ = ["OracleShapedVecEnv"]

_LOGGER = logging.getLogger(__name__)


@final
class OracleShapedVecEnv(VecEnvWrapper):
    """Shape with ``info["progress"]``. Nothing else in training reads that value.

    Args:
        venv: Environments that give ``progress`` in every info.
        gamma: Discount of the agent.
        shaping: Mode, scale and shift of the potential.
    """

    def __init__(self, venv: VecEnv, *, gamma: float, shaping: ShapingConfig) -> None:
        super().__init__(venv)
        self.gamma = gamma
        self._shaping = shaping
        self._phi = np.zeros(venv.num_envs, np.float64)  # (N,)
        _LOGGER.warning(
            "The reward reads the simulator's own progress (reward=oracle): results say what a "
            "perfect reward model would give, not what Kibble gives."
        )

    def reset(self) -> VecEnvObs:
        """Reset all environments and read the first potentials."""
        observations = self.venv.reset()
        infos = _reset_infos(self.venv)
        self._phi = np.array([self._potential(info) for info in infos])
        return observations

    def step_wait(self) -> VecEnvStepReturn:
        """Add the shaping term to the task's reward."""
        observations, rewards, dones, infos = self.venv.step_wait()
        next_phi = np.array([self._potential(info) for info in infos])  # (N,)
        terminated = np.array(
            [bool(d) and not i["TimeLimit.truncated"] for d, i in zip(dones, infos, strict=True)]
        )
        terms = shaping_term(
            self._phi, next_phi, terminated, gamma=self.gamma, mode=self._shaping.mode
        )
        for index, info in enumerate(infos):
            info["reward_terms"] = {
                "task": float(rewards[index]),
                "shaping": float(terms[index]),
            }
            info["phi"] = float(next_phi[index])
        self._phi = next_phi
        if dones.any():
            fresh = _reset_infos(self.venv)
            for index in np.flatnonzero(dones).tolist():
                self._phi[index] = self._potential(fresh[index])
        shaped: NDArray[np.float32] = (rewards + terms).astype(np.float32)
        return observations, shaped, dones, infos

    def get_state(self) -> dict[str, object]:
        """Return the potentials of the running episodes."""
        return {"phi": self._phi.copy()}

    def set_state(self, state: dict[str, object]) -> None:
        """Go on with potentials that :meth:`get_state` returned."""
        self._phi = np.array(state["phi"], np.float64)

    def _potential(self, info: dict[str, object]) -> float:
        if "progress" not in info:
            raise ConfigError(
                "`reward=oracle` needs an environment that gives `progress` in its info, got "
                f"keys {sorted(info)}; use a task of the tabletop suite, or a reward model."
            )
        progress = float(cast("float", info["progress"]))
        return self._shaping.scale * (progress + self._shaping.shift)


def _reset_infos(venv: VecEnv) -> list[dict[str, object]]:
    """Find the infos of the last resets, which live in the innermost environments."""
    while isinstance(venv, VecEnvWrapper):
        venv = venv.venv
    return cast("list[dict[str, object]]", venv.reset_infos)
