"""One environment that acts by itself, as a vector environment whose steps are waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)

from kibble.agents.acting.acting_process import ActingProcess
from kibble.agents.acting.acting_thread import Acting, ActingThread
from kibble.agents.acting.policy_copy import Weights
from kibble.agents.acting.step_stream import Opening, StepStream
from kibble.rewards.errors import ConfigError

__all__ = ["ActingVecEnv", "find_acting"]

Env = gym.Env[object, object]
_PATIENCE = 20.0  # s that a step or reset may still take when the environment is closed


@final
class ActingVecEnv(VecEnv):
    """A vector environment of one member that does not wait to be stepped.

    A process or thread of its own acts in the member, as it is told by an :class:`Acting`, as fast
    as the member steps. :meth:`step` returns the next step that was taken, whatever action it is
    given; which was done stands in ``info["action"]``. So whatever stands above (shaping,
    monitors, the algorithm itself) sees the same stream of steps as from any vector environment,
    late by as much as it is slow, and the member never waits for it.

    What is being done when a run is stopped cannot be gone on with: a resumed run begins a new
    episode.

    Args:
        make: Makes the member, where it is acted in.
        backlog: See :class:`ActingThread`.
        process: Whether what acts is a process; else it is a thread of this one.

    Raises:
        ConfigError: If observations or actions are not one array.
    """

    def __init__(self, make: Callable[[], Env], *, backlog: int, process: bool = True) -> None:
        self._stream = StepStream()
        self._opening: Opening | None = None
        self._member: ActingProcess | ActingThread
        self._member = (ActingProcess if process else ActingThread)(
            make, self._stream, backlog=backlog
        )
        seen, acted, self.render_mode = self._member.ask(_spaces)
        if not isinstance(seen, gym.spaces.Box):
            self._member.close(_PATIENCE)
            raise ConfigError(
                "`acting.asynchronous` needs observations that are one array, got "
                f"{seen}; choose observation=state, relative or pixels."
            )
        super().__init__(1, seen, acted)

    @property
    def acting(self) -> bool:
        """Whether it was told to begin."""
        return self._member.acting

    @property
    def waiting(self) -> int:
        """Steps that were taken and not returned yet."""
        return len(self._stream)

    def begin(self, acting: Acting) -> None:
        """Begin to act."""
        self._member.begin(acting)

    def offer(self, weights: Weights) -> None:
        """Act by these weights of the policy from the next step on."""
        self._member.offer(weights)

    def halt(self) -> None:
        """Bring the member to rest; a signal handler may call it.

        The next :meth:`step` raises :class:`kibble.agents.acting.step_stream.Halted`.
        """
        self._member.close(0.0)

    def ended_by(self, error: BaseException) -> bool:
        """Return whether acting ended by this, with all steps before it learned from."""
        return self._stream.is_why(error)

    def reset(self) -> VecEnvObs:
        """Open the first episode; the same one again where nobody acted in it."""
        if self._opening is None:
            self._opening = self._member.reset(self._seeds[0]).result()
            self._reset_seeds()
            self._reset_options()
        assert not self._member.acting, "a member that acts opens its episodes itself"
        self.reset_infos = [dict(self._opening.info)]
        return self._opening.observation[None]

    def step_async(self, actions: NDArray[np.generic]) -> None:
        """Do nothing: the member acts by itself."""

    def step_wait(self) -> VecEnvStepReturn:
        """Return the next step that was taken."""
        assert self._member.acting, "begin() comes before the first step"
        step = self._stream.take()
        self._member.arrived()
        info = {**step.info, "TimeLimit.truncated": step.truncated and not step.terminated}
        observation = step.observation
        if step.following is not None:
            info["terminal_observation"] = observation
            observation = step.following.observation
            self.reset_infos = [dict(step.following.info)]
            self._opening = step.following
        ended = step.terminated or step.truncated
        return (
            observation[None],
            np.array([step.reward], np.float32),
            np.array([ended], np.bool_),
            [info],
        )

    def close(self) -> None:
        """Bring the member to rest and close it."""
        if not self._member.close(_PATIENCE):
            raise TimeoutError(
                f"The environment must end its step or reset within {_PATIENCE:g} s, and did not: "
                "see that the robot is at rest."
            )

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the member, wrapped as it is."""
        if attr_name == "render_mode":
            return [self.render_mode]
        if attr_name == "capture_steps" and self._member.acting:
            return [0]  # what is being done is not gone on with
        return [self._member.ask(partial(_attribute, name=attr_name))]

    def set_attr(self, attr_name: str, value: object, indices: VecEnvIndices = None) -> None:
        """Refuse to: a member that acts is left alone."""
        raise NotImplementedError(f"{attr_name!r} cannot be set where acting is asynchronous.")

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
            assert self._opening is not None, "it is reset before anything is saved"
            return [{"generator": self._opening.generator}]
        assert not self._member.acting, "a member that acts is left alone"
        call = partial(_called, name=method_name, given=method_args, named=method_kwargs)
        return [self._member.ask(call)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Say whether the member is wrapped so."""
        return [self._member.ask(partial(is_wrapped, wrapper_class=wrapper_class))]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return nothing: only the thread that acts may draw."""
        return [None]


def find_acting(venv: VecEnv) -> ActingVecEnv | None:
    """Return the innermost environment where it acts by itself, or ``None``."""
    while isinstance(venv, VecEnvWrapper):
        venv = venv.venv
    return venv if isinstance(venv, ActingVecEnv) else None


def _spaces(env: Env) -> tuple[gym.Space[Any], gym.Space[Any], str | None]:
    return env.observation_space, env.action_space, env.render_mode


def _attribute(env: Env, *, name: str) -> object:
    return env.get_wrapper_attr(name)


def _called(env: Env, *, name: str, given: tuple[object, ...], named: dict[str, object]) -> object:
    return env.get_wrapper_attr(name)(*given, **named)
