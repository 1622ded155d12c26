"""Count what each running episode earns and log it when it ends."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias, cast, final

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.action_chunks import done_and_earned
from kibble.agents.episode_log import EpisodeLog, EpisodeRecord
from kibble.agents.scoring.source import Rescored, Scored, find_source

__all__ = ["EpisodeMonitor"]


@final
class EpisodeMonitor(VecEnvWrapper):
    """Outermost wrapper of the training environments.

    It writes a record of each finished episode, and ``info["episode"]`` for
    Stable-Baselines3's own means.

    Where rewards are known late (see :class:`kibble.agents.scoring.scoring.Scoring`), so are
    records, and ``info["episode"]`` is left out; they come in the same order.

    Where a buffer derives rewards from signals, a step that a time limit cut returns nothing of
    what the shaping layer paid. PPO adds the value of the last state to it, and the buffer gets
    that value as it is, not rounded together with a reward that it knows better anyway.

    Args:
        venv: The environments, reward shaped already.

    Attributes:
        log: Where records go; to be set before the first episode ends.
        finished: Records of the episodes that ended and were scored in this process.
    """

    log: EpisodeLog

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.finished: list[EpisodeRecord] = []
        self._late: list[dict[str, float]] = []
        self._began = time.perf_counter()
        self._count = 0
        self._ended = 0
        self._steps = 0
        self._lengths = np.zeros(self.num_envs, np.int64)  # (N,)
        self._task = np.zeros(self.num_envs, np.float64)  # (N,)
        self._shaped = np.zeros(self.num_envs, np.float64)  # (N,)
        self._waiting: list[deque[_Ended]] = [deque() for _ in range(self.num_envs)]
        self._scored: list[_Paid] = []
        self._source = find_source(venv)
        if self._source is not None:
            self._source.listeners.append(self._hear)

    @property
    def episodes(self) -> int:
        """Episodes finished since training began, over all resumed parts."""
        return self._ended

    @property
    def seconds(self) -> float:
        """Wall time since training began, over all resumed parts."""
        return time.perf_counter() - self._began

    def reset(self) -> VecEnvObs:
        """Reset all environments; episodes that were running are forgotten."""
        self.settle()
        for totals in (self._lengths, self._task, self._shaped):
            totals[:] = 0
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Add up rewards and log the episodes that end."""
        observations, rewards, dones, infos = self.venv.step_wait()
        terms = [cast("dict[str, float]", info.get("reward_terms", {})) for info in infos]
        made = [
            done_and_earned(info, term.get("task", reward))
            for info, term, reward in zip(infos, terms, rewards, strict=True)
        ]
        self._steps += sum(steps for steps, _ in made)
        for index, info in enumerate(infos):
            steps, earned = made[index]
            self._lengths[index] += steps
            self._task[index] += earned
            if dones[index]:
                self._end(index, info)
        if self._source is None:
            judged = np.array([info.get("model_success", np.nan) for info in infos], np.float64)
            self._scored.append((rewards.astype(np.float64), dones, judged))
        self._finish()
        if self._source is not None and self._source.followed:
            cut = dones & np.array([bool(info.get("TimeLimit.truncated")) for info in infos])
            rewards = np.where(cut, rewards - self._source.paid, rewards).astype(rewards.dtype)
            self._source.paid = np.where(cut, 0.0, self._source.paid)
        return observations, rewards, dones, infos

    def take_late(self) -> list[dict[str, float]]:
        """Return ``info["episode"]`` of episodes whose infos were gone by then, once."""
        late, self._late = self._late, []
        return late

    def settle(self) -> None:
        """Have all that waits scored, and log the episodes that ended."""
        if self._source is not None:
            self._source.settle()
        self._finish()

    def get_state(self) -> dict[str, object]:
        """Return counters and running sums; the log's length comes with them."""
        self.settle()
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
        self._count = self._ended = cast("int", state["count"])
        self._steps = cast("int", state["steps"])
        self._began = time.perf_counter() - cast("float", state["seconds"])
        if running:
            self._lengths[:] = np.asarray(state["lengths"])
            self._task[:] = np.asarray(state["task"])
            self._shaped[:] = np.asarray(state["shaped"])

    def _hear(self, result: Scored | Rescored) -> None:
        if isinstance(result, Scored):
            signals = result.step.signals
            ended = signals.terminated | signals.truncated
            self._scored.append((result.step.total, ended, signals.success))

    def _end(self, index: int, info: dict[str, object]) -> None:
        """Remember an episode that ended, until it is known what it was paid."""
        success = info.get("is_success")
        ended = _Ended(
            info=info,
            steps=self._steps,
            length=int(self._lengths[index]),
            task=float(self._task[index]),
            success=None if success is None else bool(success),
            seconds=round(self.seconds, 3),
        )
        self._waiting[index].append(ended)
        self._ended += 1
        self._lengths[index] = 0
        self._task[index] = 0.0

    def _finish(self) -> None:
        """Add up what steps were paid, in their order, and log the episodes that end with them."""
        scored, self._scored = self._scored, []
        for paid, ends, judged in scored:
            self._shaped += paid
            for index in np.flatnonzero(ends).tolist():
                self._log(index, self._waiting[index].popleft(), judged[index])
                self._shaped[index] = 0.0

    def _log(self, index: int, ended: _Ended, judged: float) -> None:
        record = EpisodeRecord(
            index=self._count,
            env=index,
            steps=ended.steps,
            length=ended.length,
            return_task=ended.task,
            return_shaped=float(self._shaped[index]),
            success=ended.success,
            model_success=None if np.isnan(judged) else float(judged),
            seconds=ended.seconds,
        )
        self.log.append(record)
        self.finished.append(record)
        means = {"r": record.return_shaped, "l": record.length, "t": record.seconds}
        if ended.steps == self._steps:
            ended.info["episode"] = means
        else:
            self._late.append(means)
        self._count += 1


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ended:
    """What the environment told of an episode that ended."""

    info: dict[str, object]
    steps: int
    length: int
    task: float
    success: bool | None
    seconds: float


_Paid: TypeAlias = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]
"""What one step paid, (N,), which episodes ended with it, and the model's last judgements."""
