"""One environment that acts by itself, as a vector environment whose steps are waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)
from stable_baselines3.common.vec_env.util import obs_space_info

from kibble.agents.acting.acting_thread import ActingThread, Chooser
from kibble.agents.acting.step_stream import Opening, StepStream
from kibble.rewards.errors import ConfigError

__all__ = ["ActingVecEnv", "find_acting"]

Env = gym.Env[object, object]
_PATIENCE = 20.0  # s that a step or reset may still take when the environment is closed


@final
class ActingVecEnv(VecEnv):
    """A vector environment of one member that does not wait to be stepped.

    A thread of its own acts in the member, by a :class:`Chooser` that it is given, as fast as the
    member steps. :meth:`step` returns the next step that was taken, whatever action it is given;
    which was done stands in ``info["action"]``. So whatever stands above (shaping, monitors, the
    algorithm itself) sees the same stream of steps as from any vector environment, late by as much
    as it is slow, and the member never waits for it.

    What is being done when a run is stopped cannot be gone on with: a resumed run begins a new
    episode.

    Args:
        make: Makes the member, in the thread that acts.
        backlog: See :class:`ActingThread`.

    Raises:
        ConfigError: If observations or actions are not one array.
    """

    def __init__(self, make: Callable[[], Env], *, backlog: int) -> None:
        self._stream = StepStream()
        self._thread = ActingThread(make, self._stream, backlog=backlog)
        env = self._thread.env
        self._opening: Opening | None = None
        if not isinstance(env.observation_space, gym.spaces.Box):
            self._thread.close(_PATIENCE)
            raise ConfigError(
                "`acting.asynchronous` needs observations that are one array, got "
                f"{env.observation_space}; choose observation=state, relative or pixels."
            )
        obs_space_info(env.observation_space)
        self.render_mode = env.render_mode
        super().__init__(1, env.observation_space, env.action_space)

    @property
    def acting(self) -> bool:
        """Whether it was told to begin."""
        return self._thread.acting

    @property
    def waiting(self) -> int:
        """Steps that were taken and not returned yet."""
        return len(self._stream)

    def begin(self, chooser: Chooser, *, steps: int, episodes: int | None = None) -> None:
        """Begin to act.

        Args:
            chooser: What acts; it is called in the thread that does.
            steps: Steps to take.
            episodes: Episodes to finish at most; after the last the member is not reset again.
        """
        self._thread.begin(chooser, steps=steps, episodes=episodes)

    def halt(self) -> None:
        """Bring the member to rest; a signal handler may call it.

        The next :meth:`step` raises :class:`kibble.agents.acting.step_stream.Halted`.
        """
        self._thread.close(0.0)

    def ended_by(self, error: BaseException) -> bool:
        """Return whether acting ended by this, with all steps before it learned from."""
        return self._stream.is_why(error)

    def reset(self) -> VecEnvObs:
        """Open the first episode; the same one again where nobody acted in it."""
        if self._opening is None:
            self._opening = self._thread.reset(self._seeds[0])
            self._reset_seeds()
            self._reset_options()
        assert not self._thread.acting, "a member that acts opens its episodes itself"
        self.reset_infos = [dict(self._opening.info)]
        return self._opening.observation[None]

    def step_async(self, actions: NDArray[np.generic]) -> None:
        """Do nothing: the member acts by itself."""

    def step_wait(self) -> VecEnvStepReturn:
        """Return the next step that was taken."""
        assert self._thread.acting, "begin() comes before the first step"
        step = self._stream.take()
        info = {**step.info, "TimeLimit.truncated": step.truncated and not step.terminated}
        observation = step.observation
        if step.following is not None:
            info["terminal_observation"] = observation
            observation = step.following.observation
            self.reset_infos = [dict(step.following.info)]
        ended = step.terminated or step.truncated
        return (
            observation[None],
            np.array([step.reward], np.float32),
            np.array([ended], np.bool_),
            [info],
        )

    def close(self) -> None:
        """Bring the member to rest and close it."""
        if not self._thread.close(_PATIENCE):
            raise TimeoutError(
                f"The environment must end its step or reset within {_PATIENCE:g} s, and did not: "
                "see that the robot is at rest."
            )

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the member, wrapped as it is."""
        if attr_name == "render_mode":
            return [self._thread.env.render_mode]
        return [self._thread.env.get_wrapper_attr(attr_name)]

    def set_attr(self, attr_name: str, value: object, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the member; not while it acts."""
        assert not self._thread.acting, "a member that acts is left alone"
        setattr(self._thread.env, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: object,
        indices: VecEnvIndices = None,
        **method_kwargs: object,
    ) -> list[Any]:
        """Call a method of the member; its state is that of its random generator alone."""
        if method_name == "can_restore":
            return [False]
        if method_name == "take_state":
            return [{"generator": self._thread.generator}]
        assert not self._thread.acting, "a member that acts is left alone"
        return [self._thread.env.get_wrapper_attr(method_name)(*method_args, **method_kwargs)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Say whether the member is wrapped so."""
        from stable_baselines3.common import env_util

        return [env_util.is_wrapped(self._thread.env, wrapper_class)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return nothing: only the thread that acts may draw."""
        return [None]


def find_acting(venv: VecEnv) -> ActingVecEnv | None:
    """Return the innermost environment where it acts by itself, or ``None``."""
    while isinstance(venv, VecEnvWrapper):
        venv = venv.venv
    return venv if isinstance(venv, ActingVecEnv) else None
