"""The shaped reward as a Gymnasium wrapper."""

from __future__ import annotations

from typing import Generic, SupportsFloat, TypeVar, final

import gymnasium
import numpy as np

from kibble.envs.frames import CaptureFrames, frame_source, views_for
from kibble.rewards.penalties import read_infraction, read_penalty
from kibble.rewards.potential import Potential
from kibble.rewards.rule import RewardRule
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["ShapedReward"]

Obs = TypeVar("Obs")
Act = TypeVar("Act")
Info = dict[str, object]


@final
class ShapedReward(gymnasium.Wrapper[Obs, Act, Obs, Act], Generic[Obs, Act]):
    """Adds potential-based shaping from camera frames to any environment that renders.

    The reward becomes ``r + gamma * Phi(s') - Phi(s)`` with Phi read by a reward model. At
    ``terminated`` Phi(s') counts as 0; at ``truncated`` it is Phi of the true last frame. The
    primary reward r is never altered.

    The model is asked at reset, on every ``query_every``-th step of an episode, and at its end,
    whichever flag ends it: a truncation needs the last frame's potential, and what the model makes
    of a terminal frame is worth knowing beside the truth. Between queries Phi is held, so the term
    is (gamma - 1) * Phi there. Frames are rendered on those steps only.

    ``info`` gains ``reward_terms`` (``task``, ``shaping`` and what else the rule pays; they sum to
    the reward), ``phi``,
    ``model_progress``, ``model_success`` (NaN before the model's first reading of the episode) and
    ``model_status`` (a :class:`kibble.rewards.Status`); at reset ``phi`` and ``model_progress``.

    Args:
        env: An environment that is a :class:`FrameSource`, or one made with
            ``render_mode="rgb_array"``, whose picture is the view ``front``.
        model: A reward model; or a one-slot :class:`Potential`, to choose its failure limits.
        gamma: The agent's own discount factor, in [0, 1].
        query_every: k, at least 1: ask the model on every k-th step.
        mode: One of :class:`kibble.rewards.shaping.ShapingMode`.
        scale: Phi = scale * (progress + shift).
        shift: See ``scale``.
        instruction: What success looks like, where ``info["instruction"]`` of the reset does not
            say so: a sentence, or a :class:`Task` that also carries goal frames.
        rule: What turns signals into rewards; by default the shaping of ``mode``.

    Raises:
        FrameError: If the environment cannot render or lacks a view that the model requires.
        ShapingError: If an argument is out of range.

    >>> import gymnasium, kibble.rewards
    >>> model = kibble.rewards.load("grm_tiny")  # doctest: +SKIP
    >>> env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    >>> env = ShapedReward(
    ...     env, model, gamma=0.99, instruction="balance the pole upright"
    ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        env: gymnasium.Env[Obs, Act],
        model: RewardModel | Potential,
        *,
        gamma: float,
        query_every: int = 1,
        mode: ShapingMode | str = ShapingMode.POTENTIAL,
        scale: float = 1.0,
        shift: float = 0.0,
        instruction: str | Task | None = None,
        rule: RewardRule | None = None,
    ) -> None:
        self.shaper = Shaper(
            model,
            slots=1,
            gamma=gamma,
            mode=mode,
            scale=scale,
            shift=shift,
            instruction=instruction,
            rule=rule,
        )
        views = views_for(frame_source(env), self.shaper.potential.spec)
        self._capture: CaptureFrames[Obs, Act] = CaptureFrames(env, every=query_every, views=views)
        super().__init__(self._capture)

    @property
    def shaping_gamma(self) -> float:
        """The discount factor of the shaping term, which must be the agent's own."""
        return self.shaper.gamma

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Obs, Info]:
        """Reset, and let the model open an episode from the start frames."""
        obs, info = self._capture.reset(seed=seed, options=options)
        info, frames = take_frames(info)
        self.shaper.begin({0: (self.shaper.task(info), frames[0])})
        return obs, {**info, **self.shaper.begin_info(0)}

    def step(self, action: Act) -> tuple[Obs, SupportsFloat, bool, bool, Info]:
        """Step, and pay the shaped reward."""
        obs, reward, terminated, truncated, info = self._capture.step(action)
        info, frames = take_frames(info)
        step = self.shaper.step(
            np.array([reward], np.float64),
            np.array([terminated], np.bool_),
            np.array([truncated], np.bool_),
            frames,
            penalty=np.array([read_penalty(info)]),
            infraction=np.array([read_infraction(info)]),
        )
        return obs, float(step.total[0]), terminated, truncated, {**info, **step.info(0)}


def take_frames(info: Info, slot: int = 0) -> tuple[Info, dict[int, Frames]]:
    """Split captured frames off an info: the rest, and slot to frames where there are any."""
    rest = dict(info)
    frames = rest.pop("frames", None)
    return rest, {} if frames is None else {slot: frames}  # type: ignore[dict-item]
