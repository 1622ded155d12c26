"""Curricula over where an episode begins or what it asks for, led by the success rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol, cast, final

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.curriculum_config import CurriculumConfig
from kibble.agents.recorded_starts import RecordedStart, begin_at
from kibble.rewards.errors import ConfigError

__all__ = [
    "CHOICE",
    "ChosenStarts",
    "CurriculumVecEnv",
    "GoalSampling",
    "MovingBack",
    "Sampling",
    "curriculum_over",
]

Env = gym.Env[object, object]
Info = dict[str, object]
CHOICE = "curriculum_choice"
"""Key of an episode's choice in its last info."""


@final
class ChosenStarts(gym.Wrapper[object, object, object, object]):
    """Draws, at each reset, how the episode begins, and says so where it ends.

    Choice 0 is the environment's own start; the others are places in demonstrations, or, without
    any, the choices are the goals of the environment. The draw takes the environment's own random
    numbers. ``info["curriculum_choice"]`` of an episode's last step is its choice.

    Args:
        env: The environment, time limit included.
        stages: S lists of recorded starts, early to late, or none for goals.

    Raises:
        ConfigError: If there are no stages and the environment has no goals to choose from.
    """

    def __init__(self, env: Env, stages: Sequence[Sequence[RecordedStart]] = ()) -> None:
        super().__init__(env)
        self._stages = stages
        self._choice = 0
        goals = len(getattr(env.unwrapped, "goals", ()))
        if not stages and goals < 2:
            raise ConfigError(
                f"`curriculum.kind=goals` needs an environment with several goals, got {goals} in "
                f"{env}; choose curriculum.kind=starts or none."
            )
        self.choices = len(stages) + 1 if stages else goals
        self._weights = np.full(self.choices, 1.0 / self.choices)  # (C,)

    def set_choice_weights(self, weights: Sequence[float]) -> None:
        """Draw from now on by these weights, (C,), which sum to 1."""
        self._weights = np.asarray(weights, np.float64)

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[object, Info]:
        """Begin an episode as drawn."""
        if seed is not None:  # so that the draw depends on it too
            self.env.reset(seed=seed)
        rng = self.unwrapped.np_random
        self._choice = int(rng.choice(self.choices, p=self._weights))
        if not self._stages:
            return self.env.reset(options={**(options or {}), "goal": self._choice})
        observation, info = self.env.reset(options=options)
        if self._choice == 0:
            return observation, info
        starts = self._stages[self._choice - 1]
        return begin_at(self.env, starts[int(rng.integers(len(starts)))])

    def step(self, action: object) -> tuple[object, float, bool, bool, Info]:
        """Step; the episode's last info tells its choice."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            info = {**info, CHOICE: self._choice}
        return observation, float(reward), terminated, truncated, info

    def get_state(self) -> Info:
        """Return the running choice and the weights of the next."""
        return {"choice": self._choice, "weights": self._weights}

    def set_state(self, state: Info) -> None:
        """Go on from a state of :meth:`get_state`."""
        self._choice = cast("int", state["choice"])
        self._weights = np.asarray(state["weights"], np.float64)


class Sampling(Protocol):
    """Turns outcomes of the choices into the weights by which the next are drawn."""

    def weights(self, outcomes: Sequence[Sequence[bool]]) -> NDArray[np.float64]:
        """Return (C,) float64 >= 0 that sum to 1, for the last outcomes of each choice."""
        ...


@final
class MovingBack:
    """Begins part of the episodes late, and earlier as they succeed.

    The frontier is the latest stage whose last ``window`` episodes did not yet succeed at the
    rate of the threshold; ``share`` of the episodes begins there and the rest at the
    environment's own start, where all begin once every stage is passed.

    Source:
        Salimans and Chen 2018, "Learning Montezuma's Revenge from a Single Demonstration";
        Florensa et al. 2017, "Reverse Curriculum Generation for Reinforcement Learning".
    """

    def __init__(self, config: CurriculumConfig) -> None:
        self._config = config

    def weights(self, outcomes: Sequence[Sequence[bool]]) -> NDArray[np.float64]:
        """Return the weights; a stage once passed stays passed."""
        config = self._config
        drawn = np.zeros(len(outcomes))
        for stage in range(len(outcomes) - 1, 0, -1):
            last = outcomes[stage]
            full = len(last) >= config.window
            if not (full and sum(last) / len(last) >= config.threshold):
                drawn[stage] = config.share
                break
        drawn[0] = 1.0 - drawn.sum()
        return drawn


@final
class GoalSampling:
    """Asks more often for the goals that fail: weight max((1 - s)^(1 / temperature), floor).

    Source:
        Lu et al. 2025, "VLA-RL", curriculum selection; the weight is that of its published code.
    """

    def __init__(self, config: CurriculumConfig) -> None:
        self._config = config

    def weights(self, outcomes: Sequence[Sequence[bool]]) -> NDArray[np.float64]:
        """Return the weights; a goal without an outcome counts as failed."""
        config = self._config
        success = np.array([np.mean(last) if len(last) else 0.0 for last in outcomes])  # (C,)
        raw = np.maximum((1.0 - success) ** (1.0 / config.temperature), config.floor)
        weights: NDArray[np.float64] = raw / raw.sum()
        return weights


@final
class CurriculumVecEnv(VecEnvWrapper):
    """Watches how episodes end, and tells the members by which weights to draw the next.

    Args:
        venv: Members wrapped by :class:`ChosenStarts`.
        sampling: Turns outcomes into weights.
        window: Outcomes that are remembered of each choice.
    """

    def __init__(self, venv: VecEnv, sampling: Sampling, *, window: int) -> None:
        super().__init__(venv)
        self._sampling = sampling
        count = int(venv.get_attr("choices", indices=0)[0])
        self._outcomes: list[deque[bool]] = [deque(maxlen=window) for _ in range(count)]
        self._tell()

    def reset(self) -> VecEnvObs:
        """Reset all members."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Step, and remember how episodes ended."""
        observations, rewards, dones, infos = self.venv.step_wait()
        ended = [info for info in infos if CHOICE in info]
        for info in ended:
            self._outcomes[info[CHOICE]].append(bool(info.get("is_success", False)))
        if ended:
            self._tell()
        return observations, rewards, dones, infos

    def get_state(self) -> Info:
        """Return the remembered outcomes."""
        return {"outcomes": [list(last) for last in self._outcomes]}

    def set_state(self, state: Info) -> None:
        """Go on from a state of :meth:`get_state`; members restore their own weights."""
        for last, stored in zip(
            self._outcomes, cast("list[list[bool]]", state["outcomes"]), strict=True
        ):
            last.clear()
            last.extend(stored)

    def _tell(self) -> None:
        self.venv.env_method("set_choice_weights", self._sampling.weights(self._outcomes).tolist())


def curriculum_over(venv: VecEnv, config: CurriculumConfig) -> CurriculumVecEnv:
    """Lead members that are wrapped by :class:`ChosenStarts` as configured."""
    sampling = MovingBack(config) if config.kind == "starts" else GoalSampling(config)
    return CurriculumVecEnv(venv, sampling, window=config.window)
