"""Shaped rewards of N parallel episodes, whatever framework steps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError, ShapingError
from kibble.rewards.potential import Potential, PotentialState
from kibble.rewards.shaping import ShapingMode, check_gamma, parse_mode, shaping_term
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["ShapedStep", "Shaper", "ShaperState"]


class ShaperState(TypedDict):
    """All that a :class:`Shaper` remembers."""

    potential: PotentialState
    weight: float
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapedStep:
    """What N slots were paid for one step; entries of slots that did not step are zero.

    Args:
        task: (N,) float64, the primary reward, as the environment gave it.
        shaping: (N,) float64, the shaping term.
        phi: (N,) float64, the potential of the frame reached. Where the episode terminated the
            term counts it as 0.
        progress: (N,) float64 in [0, 1], the model's last reading.
        success: (N,) float64 in [0, 1], likewise; NaN before the first reading.
        status: (N,) int8 of :class:`kibble.rewards.Status`, of the last query.
    """

    task: NDArray[np.float64]
    shaping: NDArray[np.float64]
    phi: NDArray[np.float64]
    progress: NDArray[np.float64]
    success: NDArray[np.float64]
    status: NDArray[np.int8]

    @property
    def total(self) -> NDArray[np.float64]:
        """(N,) float64, the reward to learn from: task + shaping."""
        return self.task + self.shaping

    def info(self, slot: int) -> dict[str, object]:
        """Return the entries that a wrapper adds to ``info`` after a step of that slot."""
        return {
            "reward_terms": {"task": float(self.task[slot]), "shaping": float(self.shaping[slot])},
            "phi": float(self.phi[slot]),
            "model_progress": float(self.progress[slot]),
            "model_success": float(self.success[slot]),
            "model_status": int(self.status[slot]),
        }


@final
class Shaper:
    """Turns primary rewards and frames of N parallel episodes into shaped rewards.

    The wrappers for one environment, for Gymnasium's vector environments and for
    Stable-Baselines3 are thin layers over this class, so that all three pay the same.

    Args:
        model: A reward model, or a :class:`Potential` made from one where its failure limits are
            to be chosen; then ``scale`` and ``shift`` are the potential's own.
        slots: N.
        gamma: The agent's discount factor, in [0, 1].
        mode: One of :class:`ShapingMode`.
        scale: Multiplies the potential.
        shift: Added to progress before scaling.
        instruction: What success looks like where the environment does not say so itself: a
            sentence, or a :class:`Task` that also carries goal frames or a demonstration.

    Attributes:
        weight: Multiplies the potential from the next step on; anneal it by assignment. The term
            is gamma * w' * Phi(s') - w * Phi(s), with the weight that was in force at each state.

    Raises:
        ShapingError: If an argument is out of range, or contradicts the potential.
    """

    def __init__(
        self,
        model: RewardModel | Potential,
        *,
        slots: int,
        gamma: float,
        mode: ShapingMode | str = ShapingMode.POTENTIAL,
        scale: float = 1.0,
        shift: float = 0.0,
        instruction: str | Task | None = None,
    ) -> None:
        self.gamma = check_gamma(gamma)
        self.mode = parse_mode(mode)
        if isinstance(model, Potential):
            if (scale, shift) != (1.0, 0.0):
                raise ShapingError(
                    f"`scale` and `shift` belong to the potential, got {scale} and {shift} beside "
                    "a `Potential`; set them when making it."
                )
            if len(model) != slots:
                raise ShapingError(
                    f"`model` must have one slot per environment, {slots}, got {len(model)}; "
                    f"make it with `Potential(model, slots={slots})`."
                )
            self.potential = model
        else:
            self.potential = Potential(model, slots=slots, scale=scale, shift=shift)
        self.weight = 1.0
        self._weights = np.ones(slots)  # (N,) float64, in force when each slot's state was reached
        self._task = Task(instruction=instruction) if isinstance(instruction, str) else instruction

    def __len__(self) -> int:
        return len(self.potential)

    def task(self, info: Mapping[str, object]) -> Task:
        """Return the task of an episode from the ``info`` of its reset.

        ``info["instruction"]`` comes first, then the ``instruction`` argument.
        ``info["goal_frames"]``, where given, replaces the goal frames.

        Raises:
            ShapingError: If neither gives an instruction.
        """
        instruction = info.get("instruction")
        goal = info.get("goal_frames")
        if not isinstance(instruction, str):
            if self._task is None:
                raise ShapingError(
                    "`instruction` is required: the environment's reset gave no "
                    f"info['instruction'] (keys: {sorted(info)}) and the argument is None; pass "
                    "for example instruction='balance the pole upright'."
                )
            task = self._task
        elif self._task is None:
            task = Task(instruction=instruction)
        else:
            task = replace(self._task, instruction=instruction)
        return replace(task, goal_frames=goal) if isinstance(goal, Mapping) else task

    def begin(self, starts: Mapping[int, tuple[Task, Frames]]) -> None:
        """Open an episode in each slot named, from its task and start frames.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: If the model cannot open the episode.
        """
        self.potential.begin(starts)
        for slot in starts:
            self._weights[slot] = self.weight

    def begin_info(self, slot: int) -> dict[str, object]:
        """Return the entries that a wrapper adds to ``info`` after a reset of that slot."""
        return {
            "phi": float(self.potential.phi[slot]),
            "model_progress": float(self.potential.progress[slot]),
        }

    def step(
        self,
        rewards: NDArray[np.floating],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        frames: Mapping[int, Frames],
        *,
        active: NDArray[np.bool_] | None = None,
    ) -> ShapedStep:
        """Pay one step of every active slot, with one call of the model for all due frames.

        Args:
            rewards: (N,) float, the primary rewards.
            terminated: (N,) bool.
            truncated: (N,) bool.
            frames: Slot to its newest frames, (1, H, W, 3) uint8 RGB per view, for the slots that
                are due. Where an episode ends they must be there: its true last frames.
            active: (N,) bool, which slots took a step; all by default.

        Returns:
            The step of each slot.

        Raises:
            FrameError: If an episode ends without its last frames, or frames do not suit.
            ModelError: If the model failed too often or answered malformed.
            ShapingError: If a primary reward is not finite.
        """
        stepped = np.ones(len(self), np.bool_) if active is None else active
        ended = stepped & (terminated | truncated)
        missing = [int(slot) for slot in np.flatnonzero(ended) if slot not in frames]
        if missing:
            raise FrameError(
                f"The last frames of an episode are required, got none from environments "
                f"{missing}; make `CaptureFrames` the outermost wrapper, outside any time limit."
            )
        task = np.where(stepped, np.asarray(rewards, np.float64), 0.0)
        if not np.isfinite(task).all():
            slot = int(np.flatnonzero(~np.isfinite(task))[0])
            raise ShapingError(
                f"The term `task` must be finite, got {task[slot]} from environment {slot}; "
                "mend the environment's own reward."
            )
        phi = self.potential.phi.copy()
        self.potential.update(frames)
        shaping = np.zeros(len(self))
        shaping[stepped] = shaping_term(
            phi[stepped],
            self.potential.phi[stepped],
            terminated[stepped],
            gamma=self.gamma,
            weight=self._weights[stepped],
            next_weight=self.weight,
            mode=self.mode,
            queried=self.potential.fresh[stepped],
        )
        self._weights[stepped] = self.weight
        return ShapedStep(
            task=task,
            shaping=shaping,
            phi=self.potential.phi.copy(),
            progress=self.potential.progress.copy(),
            success=self.potential.success.copy(),
            status=self.potential.status.copy(),
        )

    def get_state(self) -> ShaperState:
        """Return a copy of all that is remembered, to continue bit for bit by `set_state`."""
        return {
            "potential": self.potential.get_state(),
            "weight": self.weight,
            "weights": self._weights.copy(),
        }

    def set_state(self, state: ShaperState) -> None:
        """Continue from a state of `get_state`.

        Raises:
            ShapingError: If the number of slots differs.
        """
        self.potential.set_state(state["potential"])
        self.weight = state["weight"]
        self._weights[:] = state["weights"]
