"""The shaped reward over Gymnasium's vector environments, one model call per step."""

from __future__ import annotations

from typing import Generic, TypeVar, final

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from kibble.envs.frames import model_views
from kibble.rewards.errors import FrameError
from kibble.rewards.penalties import read_infraction, read_penalty
from kibble.rewards.potential import Potential
from kibble.rewards.rule import RewardRule
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["VectorShapedReward"]

Obs = TypeVar("Obs")
Act = TypeVar("Act")
Info = dict[str, object]
Flags = NDArray[np.bool_]


@final
class VectorShapedReward(
    VectorWrapper[Obs, Act, Obs, Act, NDArray[np.generic]], Generic[Obs, Act]
):
    """Shapes the rewards of a vector environment whose members are wrapped in `CaptureFrames`.

    Each member is paid what :class:`kibble.envs.ShapedReward` would pay it alone. Which steps
    are due is decided by ``CaptureFrames(env, every=k)``; all due frames of a step are read
    in one call of the model. The three autoreset modes of Gymnasium are understood:

    - ``NEXT_STEP``: the step after an episode's end is its reset; it is paid 0.
    - ``SAME_STEP``: the last frames come with ``final_info`` and the start frames with ``info``.
      The entries described in :class:`ShapedReward` are in ``final_info`` for the step that ended
      the episode; ``reward_terms`` is in ``info`` as well, beside the reward that it explains.
    - ``DISABLED``: members are reset by ``reset(options={"reset_mask": mask})``.

    ``info["frames"]`` is consumed.

    Args:
        env: The vector environment.
        model: A reward model; or a :class:`Potential` with one slot per member.
        gamma: The agent's own discount factor, in [0, 1].
        mode: One of :class:`kibble.rewards.shaping.ShapingMode`.
        scale: Phi = scale * (progress + shift).
        shift: See ``scale``.
        instruction: What success looks like, where ``info["instruction"]`` of a reset does not
            say so: a sentence, or a :class:`Task` that also carries goal frames.
        rule: What turns signals into rewards; by default the shaping of ``mode``.

    Raises:
        FrameError: If members are not wrapped in `CaptureFrames`, or lack a view that the model
            requires.
        ShapingError: If an argument is out of range.
    """

    def __init__(
        self,
        env: VectorEnv[Obs, Act, NDArray[np.generic]],
        model: RewardModel | Potential,
        *,
        gamma: float,
        mode: ShapingMode | str = ShapingMode.POTENTIAL,
        scale: float = 1.0,
        shift: float = 0.0,
        instruction: str | Task | None = None,
        rule: RewardRule | None = None,
    ) -> None:
        super().__init__(env)
        self.shaper = Shaper(
            model,
            slots=env.num_envs,
            gamma=gamma,
            mode=mode,
            scale=scale,
            shift=shift,
            instruction=instruction,
            rule=rule,
        )
        try:
            offered = env.unwrapped.get_attr("capture_views")  # type: ignore[attr-defined]  # Sync, Async
        except AttributeError as error:
            raise FrameError(
                "Every member of the vector environment must be wrapped in `CaptureFrames`, got "
                f"{error}; make them with `lambda: CaptureFrames(gymnasium.make(id, …))`."
            ) from error
        for views in offered:
            model_views(views, self.shaper.potential.spec)
        self._mode = AutoresetMode(env.metadata["autoreset_mode"])
        self._ended = np.zeros(self.num_envs, np.bool_)

    @property
    def shaping_gamma(self) -> float:
        """The discount factor of the shaping term, which must be the agent's own."""
        return self.shaper.gamma

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, object] | None = None,
    ) -> tuple[Obs, Info]:
        """Reset all members, or those of ``options["reset_mask"]``, and open their episodes."""
        resets = np.ones(self.num_envs, np.bool_)  # (N,)
        if options is not None and "reset_mask" in options:  # read now: Gymnasium takes it out
            resets = np.array(options["reset_mask"], np.bool_)
        obs, info = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # list
        info = dict(info)
        self._begin(info, _pop_frames(info), resets)
        self._ended[resets] = False
        return obs, info

    def step(
        self, actions: Act
    ) -> tuple[Obs, NDArray[np.generic], NDArray[np.generic], NDArray[np.generic], Info]:
        """Step all members, and pay the shaped rewards."""
        obs, rewards, terminated, truncated, info = self.env.step(actions)
        info = dict(info)
        terminal = terminated.astype(np.bool_)  # (N,)
        ended = terminal | truncated.astype(np.bool_)  # (N,)
        frames = _pop_frames(info)
        newest = frames
        resets, active = np.zeros_like(ended), np.ones_like(ended)  # (N,) began, took a step
        final_info: Info | None = None
        if self._mode is AutoresetMode.SAME_STEP:
            resets = ended
            if ended.any():
                final_info = dict(info["final_info"])
                info["final_info"] = final_info
                newest = {slot: frames[slot] for slot in frames if not ended[slot]}
                newest |= _pop_frames(final_info)  # the true last frames
        elif self._mode is AutoresetMode.NEXT_STEP:
            resets, active = self._ended, ~self._ended  # this step reset what ended on the last
            newest = {slot: frames[slot] for slot in frames if active[slot]}
        members = [
            _member(info if final_info is None or not resets[slot] else final_info, slot)
            for slot in range(self.num_envs)
        ]
        step = self.shaper.step(
            rewards.astype(np.float64),
            terminal,
            truncated.astype(np.bool_),
            newest,
            active=active,
            penalty=np.array([read_penalty(member) for member in members]),
            infraction=np.array([read_infraction(member) for member in members]),
        )
        for slot in map(int, np.flatnonzero(active)):
            entries = step.info(slot)
            if final_info is not None and resets[slot]:
                self._add_info(final_info, entries, slot)
                entries = {"reward_terms": entries["reward_terms"]}
            self._add_info(info, entries, slot)
        self._begin(info, frames, resets)
        self._ended = ended
        return obs, step.total, terminated, truncated, info

    def _begin(self, info: Info, frames: dict[int, Frames], resets: Flags) -> None:
        slots = [int(slot) for slot in np.flatnonzero(resets)]
        self.shaper.begin(
            {slot: (self.shaper.task(_member(info, slot)), frames[slot]) for slot in slots}
        )
        for slot in slots:
            self._add_info(info, self.shaper.begin_info(slot), slot)


def _member(info: Info, slot: int) -> Info:
    """Return the entries of one member: Gymnasium pairs each key with a mask ``_key``."""
    member: Info = {}
    for key, values in info.items():
        mask = info.get(f"_{key}")
        if not isinstance(mask, np.ndarray) or not mask[slot]:
            continue
        if isinstance(values, dict):
            member[key] = _member(values, slot)
        elif isinstance(values, np.ndarray):
            member[key] = values[slot]
    return member


def _pop_frames(info: Info) -> dict[int, Frames]:
    """Take the captured frames out of a vector info: slot to its frames."""
    batch, mask = info.pop("frames", None), info.pop("_frames", None)
    if not isinstance(batch, dict) or not isinstance(mask, np.ndarray):
        return {}
    slots = [int(slot) for slot in np.flatnonzero(mask)]
    return {slot: _member(batch, slot) for slot in slots}  # type: ignore[misc]  # arrays by view
