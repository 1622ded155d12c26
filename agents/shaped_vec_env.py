"""The shaped reward over Stable-Baselines3's vector environments, one model call per step."""

from __future__ import annotations

from typing import TypedDict, final

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.scoring.rescoring import MakeShaper
from kibble.agents.scoring.scoring import Scoring
from kibble.envs.frames import CaptureFrames, model_views
from kibble.envs.shaped_reward import take_frames
from kibble.rewards.errors import FrameError, ShapingError
from kibble.rewards.penalties import read_infraction, read_penalty
from kibble.rewards.potential import Potential
from kibble.rewards.rule import RewardRule
from kibble.rewards.shaper import Shaper, ShaperState
from kibble.rewards.shaping import ShapingMode, check_gamma
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["ShapedVecEnv", "ShapedVecEnvState", "check_agent_gamma"]


class ShapedVecEnvState(TypedDict):
    """All that a :class:`ShapedVecEnv` and its members' `CaptureFrames` remember."""

    shaper: ShaperState
    capture_steps: list[int]


@final
class ShapedVecEnv(VecEnvWrapper):
    """Shapes the rewards of a VecEnv whose members are wrapped in `CaptureFrames`.

    Each member is paid what :class:`kibble.envs.ShapedReward` would pay it alone, and its
    ``infos`` gain the same entries. Which steps are due is decided by
    ``CaptureFrames(env, every=k)``; all due frames of a step are read in one call of the model.
    A VecEnv resets members at once: the true last frame is in ``infos`` and the new episode's
    start frame in ``reset_infos``, where ``phi`` and ``model_progress`` of the start are put. An
    episode counts as terminated unless ``infos[i]["TimeLimit.truncated"]``. The captured frames
    are consumed.

    Where ``scoring`` is not immediate, the members' own rewards are returned, ``infos`` gain
    nothing, and buffers that follow ``scoring`` derive the shaped rewards when they are needed.

    Args:
        venv: A ``DummyVecEnv``, or a ``SubprocVecEnv`` whose start method is not ``fork`` (OpenGL
            hangs in forked processes).
        model: A reward model; or a :class:`Potential` with one slot per member; or a
            :class:`Shaper` likewise, and then none of the settings that it has itself.
        gamma: The agent's own discount factor, in [0, 1]; see :func:`check_agent_gamma`. It must
            be given unless ``model`` is a shaper.
        mode: One of :class:`kibble.rewards.shaping.ShapingMode`.
        scale: Phi = scale * (progress + shift).
        shift: See ``scale``.
        instruction: What success looks like, where ``info["instruction"]`` of a reset does not
            say so: a sentence, or a :class:`Task` that also carries goal frames.
        rule: What turns signals into rewards; by default the shaping of ``mode``.
        scoring: When frames are read, and whether they are kept; at once by default.
        remake: Makes the shaper anew for another model, where frames are kept.

    Attributes:
        scoring: What reads the frames and tells buffers the signals.

    Raises:
        FrameError: If members are not wrapped in `CaptureFrames`, or lack a view that the model
            requires.
        ShapingError: If an argument is out of range.
    """

    def __init__(
        self,
        venv: VecEnv,
        model: RewardModel | Potential | Shaper,
        *,
        gamma: float | None = None,
        mode: ShapingMode | str = ShapingMode.POTENTIAL,
        scale: float = 1.0,
        shift: float = 0.0,
        instruction: str | Task | None = None,
        rule: RewardRule | None = None,
        scoring: ScoringConfig | None = None,
        remake: MakeShaper | None = None,
    ) -> None:
        super().__init__(venv)
        if isinstance(model, Shaper):
            shaper = model
        elif gamma is None:
            raise ShapingError(
                "`gamma` must be given with a reward model, got None; pass the agent's own."
            )
        else:
            shaper = Shaper(
                model,
                slots=venv.num_envs,
                gamma=gamma,
                mode=mode,
                scale=scale,
                shift=shift,
                instruction=instruction,
                rule=rule,
            )
        if not all(venv.env_is_wrapped(CaptureFrames)):
            raise FrameError(
                "Every member of the vector environment must be wrapped in `CaptureFrames`, got "
                f"{venv.env_is_wrapped(CaptureFrames)}; make members as "
                "`lambda: CaptureFrames(gymnasium.make(id, …), every=k)`."
            )
        for views in venv.get_attr("capture_views"):
            model_views(views, shaper.potential.spec)
        self.scoring = Scoring(shaper, config=scoring, remake=remake)

    @property
    def shaper(self) -> Shaper:
        """What reads the frames; another one after they were scored again."""
        return self.scoring.shaper

    @property
    def shaping_gamma(self) -> float:
        """The discount factor of the shaping term, which must be the agent's own."""
        return self.shaper.gamma

    def reset(self) -> VecEnvObs:
        """Reset all members, and open their episodes."""
        obs = self.venv.reset()
        self._begin(range(self.num_envs))
        return obs

    def step_wait(self) -> VecEnvStepReturn:
        """Pay what is known of the rewards; open the episodes of members that were reset."""
        obs, rewards, dones, infos = self.venv.step_wait()
        frames: dict[int, Frames] = {}
        rest = []
        for slot, info in enumerate(infos):
            info, newest = take_frames(info, slot)
            rest.append(info)
            frames |= newest
        truncated = np.array([bool(info.get("TimeLimit.truncated", False)) for info in rest])
        step = self.scoring.step(
            rewards,
            dones & ~truncated,
            dones & truncated,
            frames,
            penalty=np.array([read_penalty(info) for info in rest]),
            infraction=np.array([read_infraction(info) for info in rest]),
        )
        if step is not None:
            rewards = step.total.astype(rewards.dtype)
            for slot, info in enumerate(rest):
                info.update(step.info(slot), signals=step.signals[slot : slot + 1])
        self.scoring.paid = rewards.astype(np.float64)
        self._begin(np.flatnonzero(dones).tolist())
        return obs, rewards, dones, rest

    def close(self) -> None:
        """Score nothing more, and close the members."""
        self.scoring.close()
        super().close()

    def get_state(self) -> ShapedVecEnvState:
        """Score what waits; return a copy of all that is remembered of the running episodes.

        A run continues from it bit for bit by `set_state`. What the run has behind it is a state
        of its own, ``scoring.get_state()``.
        """
        self.scoring.settle()
        return {
            "shaper": self.shaper.get_state(),
            "capture_steps": [int(steps) for steps in self.venv.get_attr("capture_steps")],
        }

    def set_state(self, state: ShapedVecEnvState) -> None:
        """Continue from a state of `get_state`, with members that are where theirs were.

        Raises:
            ShapingError: If the number of members differs.
        """
        self.scoring.settle()
        self.shaper.set_state(state["shaper"])
        for slot, steps in enumerate(state["capture_steps"]):
            self.venv.env_method("set_capture_steps", steps, indices=slot)

    def _begin(self, slots: range | list[int]) -> None:
        starts = {}
        for slot in slots:
            info, frames = take_frames(self.venv.reset_infos[slot], slot)
            starts[slot] = (self.shaper.task(info), frames[slot])
            self.reset_infos[slot] = info
        self.scoring.open(starts)
        if self.scoring.immediate:
            for slot in slots:
                self.reset_infos[slot].update(self.shaper.begin_info(slot))


def check_agent_gamma(env: VecEnv | gymnasium.Env[object, object], agent_gamma: float) -> None:
    """Check that every layer that shapes rewards does so with the agent's discount factor.

    Call it when the agent is made: shaping with another gamma changes what is optimal.

    Args:
        env: The environment that the agent learns in, however wrapped.
        agent_gamma: The agent's discount factor.

    Raises:
        ShapingError: If a gamma differs, or is outside [0, 1].
    """
    check_gamma(agent_gamma)
    for gamma in _shaping_gammas(env):
        if gamma != agent_gamma:
            raise ShapingError(
                f"`gamma` of the shaping must equal the agent's, {agent_gamma}, got {gamma}; "
                "give both the same value."
            )


def _shaping_gammas(env: VecEnv | gymnasium.Env[object, object]) -> list[float]:
    gammas: list[float] = []
    while isinstance(env, VecEnvWrapper):
        if isinstance(env, ShapedVecEnv):
            gammas.append(env.shaping_gamma)
        env = env.venv
    if isinstance(env, VecEnv):
        if env.has_attr("shaping_gamma"):
            gammas.extend(env.get_attr("shaping_gamma"))
    elif env.has_wrapper_attr("shaping_gamma"):
        gammas.append(env.get_wrapper_attr("shaping_gamma"))
    return gammas
