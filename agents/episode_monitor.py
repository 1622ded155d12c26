"""Count what each running episode earns and log it when it ends."""

from __future__ import annotations

import time
from typing import cast, final

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.episode_log import EpisodeLog, EpisodeRecord

__all__ = ["EpisodeMonitor"]


@final
class EpisodeMonitor(VecEnvWrapper):
    """Outermost wrapper of the training environments.

    It writes a record of each finished episode, and ``info["episode"]`` for
    Stable-Baselines3's own means.

    Args:
        venv: The environments, reward shaped already.

    Attributes:
        log: Where records go; to be set before the first episode ends.
        finished: Records of the episodes that ended in this process.
    """

    log: EpisodeLog

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.finished: list[EpisodeRecord] = []
        self._began = time.perf_counter()
        self._count = 0
        self._steps = 0
        self._lengths = np.zeros(self.num_envs, np.int64)  # (N,)
        self._task = np.zeros(self.num_envs, np.float64)  # (N,)
        self._shaped = np.zeros(self.num_envs, np.float64)  # (N,)

    @property
    def episodes(self) -> int:
        """Episodes finished since training began, over all resumed parts."""
        return self._count

    @property
    def seconds(self) -> float:
        """Wall time since training began, over all resumed parts."""
        return time.perf_counter() - self._began

    def reset(self) -> VecEnvObs:
        """Reset all environments; episodes that were running are forgotten."""
        for totals in (self._lengths, self._task, self._shaped):
            totals[:] = 0
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Add up rewards and log the episodes that end."""
        observations, rewards, dones, infos = self.venv.step_wait()
        self._steps += self.num_envs
        self._lengths += 1
        self._shaped += rewards
        for index, info in enumerate(infos):
            terms = cast("dict[str, float]", info.get("reward_terms", {}))
            self._task[index] += terms.get("task", rewards[index])
            if dones[index]:
                self._finish(index, info)
        return observations, rewards, dones, infos

    def get_state(self) -> dict[str, object]:
        """Return counters and running sums; the log's length comes with them."""
        return {
            "count": self._count,
            "steps": self._steps,
            "seconds": self.seconds,
            "log_bytes": self.log.sync(),
            "lengths": self._lengths.copy(),
            "task": self._task.copy(),
            "shaped": self._shaped.copy(),
        }

    def set_state(self, state: dict[str, object], *, running: bool = True) -> None:
        """Go on from a state of :meth:`get_state`.

        Args:
            state: The state.
            running: Whether the episodes that were running go on too.
        """
        self._count = cast("int", state["count"])
        self._steps = cast("int", state["steps"])
        self._began = time.perf_counter() - cast("float", state["seconds"])
        if running:
            self._lengths[:] = np.asarray(state["lengths"])
            self._task[:] = np.asarray(state["task"])
            self._shaped[:] = np.asarray(state["shaped"])

    def _finish(self, index: int, info: dict[str, object]) -> None:
        success, judged = info.get("is_success"), info.get("model_success")
        record = EpisodeRecord(
            index=self._count,
            env=index,
            steps=self._steps,
            length=int(self._lengths[index]),
            return_task=float(self._task[index]),
            return_shaped=float(self._shaped[index]),
            success=None if success is None else bool(success),
            model_success=_probability(judged),
            seconds=round(self.seconds, 3),
        )
        self.log.append(record)
        self.finished.append(record)
        info["episode"] = {
            "r": record.return_shaped,
            "l": record.length,
            "t": record.seconds,
        }
        self._count += 1
        for totals in (self._lengths, self._task, self._shaped):
            totals[index] = 0


def _probability(value: object) -> float | None:
    """Return a probability, or None where the model gave none (NaN)."""
    if value is None:
        return None
    number = float(cast("float", value))
    return None if np.isnan(number) else number
