"""The task's own reward alone, told to buffers in the same form as every other."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.scoring.source import Listener, Scored
from kibble.rewards.rule import RewardRule
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.signals import Signals
from kibble.rewards.types import Status

__all__ = ["SparseVecEnv"]


@final
class SparseSignals:
    """Signals of steps that no model reads; see :class:`kibble.agents.scoring.SignalSource`.

    Args:
        rule: What pays; without readings it pays the task alone.
        slots: N.
    """

    def __init__(self, rule: RewardRule, *, slots: int) -> None:
        self.listeners: list[Listener] = []
        self.newest = -1
        self.paid: NDArray[np.float64] = np.zeros(slots)
        self.followed = False
        self.exact = True
        self._rule = rule
        self._versions = ("",) * slots

    @property
    def rule(self) -> RewardRule:
        """What turns signals into rewards."""
        return self._rule

    def step(
        self,
        rewards: NDArray[np.floating],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> ShapedStep:
        """Take one step of all slots."""
        self.newest += 1
        signals = Signals.sparse(
            np.array(rewards, np.float64), terminated, truncated, window=self._rule.window
        )
        step = ShapedStep(
            terms=self._rule(signals),
            signals=signals,
            status=np.full(len(signals), Status.OK, np.int8),
        )
        for listener in self.listeners:
            listener(Scored(number=self.newest, step=step, versions=self._versions))
        return step

    def settle(self) -> None:
        """Do nothing: nothing ever waits."""

    def forget_before(self, number: int) -> None:
        """Do nothing: no frames are kept."""

    def get_state(self) -> dict[str, object]:
        """Return the number of the newest step."""
        return {"newest": self.newest}

    def set_state(self, state: dict[str, object]) -> None:
        """Go on from a state of :meth:`get_state`."""
        newest = state["newest"]
        assert isinstance(newest, int)
        self.newest = newest


@final
class SparseVecEnv(VecEnvWrapper):
    """Pays what the members pay, and adds ``info["signals"]``.

    Args:
        venv: The members.
        rule: What pays.
    """

    def __init__(self, venv: VecEnv, *, rule: RewardRule) -> None:
        super().__init__(venv)
        self.scoring = SparseSignals(rule, slots=venv.num_envs)

    def reset(self) -> VecEnvObs:
        """Reset all members."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Pay the primary rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        truncated = np.array([bool(info.get("TimeLimit.truncated", False)) for info in infos])
        step = self.scoring.step(rewards, dones & ~truncated, dones & truncated)
        for slot, info in enumerate(infos):
            info["signals"] = step.signals[slot : slot + 1]
        self.scoring.paid = np.asarray(rewards, np.float64)
        return obs, rewards, dones, infos
