"""Shaped rewards of N parallel episodes, whatever framework steps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError, ShapingError
from kibble.rewards.potential import Potential, PotentialState
from kibble.rewards.rule import RewardRule, Terms, chosen_rule
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.signals import Signals
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["Shaper", "ShaperState"]


class ShaperState(TypedDict):
    """All that a :class:`Shaper` remembers."""

    potential: PotentialState
    weight: NDArray[np.float64]
    weights: NDArray[np.float64]
    recent: NDArray[np.float64]
    start_progress: NDArray[np.float64]


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
        rule: What turns signals into rewards, made for the same gamma; by default a
            :class:`ShapingRule` of ``mode``.

    Attributes:
        rule: The rule.
        weight: Multiplies the potential from the next step on, a number for all slots or (N,)
            float64; anneal it by assignment. The term is gamma * w' * Phi(s') - w * Phi(s), with
            the weight that was in force at each state.

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
        rule: RewardRule | None = None,
    ) -> None:
        self.rule: RewardRule = chosen_rule(rule, gamma=gamma, mode=mode)
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
        self.weight: float | NDArray[np.float64] = 1.0
        self._weights = np.ones(slots)  # (N,) float64, in force when each slot's state was reached
        self._recent = np.full((slots, self.rule.window), np.nan)  # (N, W) float64, newest last
        self._start_progress = np.full(slots, np.nan)  # (N,) float64
        self._task = Task(instruction=instruction) if isinstance(instruction, str) else instruction

    def __len__(self) -> int:
        return len(self.potential)

    @property
    def gamma(self) -> float:
        """The discount factor that the rule was made for."""
        return self.rule.gamma

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
        slots = list(starts)
        self._weights[slots] = self._weight()[slots]
        self._start_progress[slots] = self.potential.progress[slots]
        self._recent[slots] = np.nan
        self._recent[slots, -1] = self.potential.progress[slots]

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
        penalty: NDArray[np.float64] | None = None,
        infraction: NDArray[np.bool_] | None = None,
    ) -> ShapedStep:
        """Pay one step of every active slot, with one call of the model for all due frames.

        Args:
            rewards: (N,) float, the primary rewards.
            terminated: (N,) bool.
            truncated: (N,) bool.
            frames: Slot to its newest frames, (1, H, W, 3) uint8 RGB per view, for the slots that
                are due. Where an episode ends they must be there: its true last frames.
            active: (N,) bool, which slots took a step; all by default.
            penalty: (N,) float64 in [0, 1], product of soft penalties; by default none.
            infraction: (N,) bool, hard infractions; by default none.

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
        potential = self.potential
        phi, progress = potential.phi.copy(), potential.progress.copy()
        confidence = potential.confidence.copy()
        potential.update(frames)
        fresh, weight = potential.fresh & stepped, self._weight()
        self._recent[fresh] = np.roll(self._recent[fresh], -1, axis=1)
        self._recent[fresh, -1] = potential.progress[fresh]
        signals = Signals(
            task=task,
            phi=phi,
            next_phi=potential.phi.copy(),
            weight=self._weights.copy(),
            next_weight=weight,
            terminated=stepped & terminated,
            truncated=stepped & truncated,
            queried=fresh,
            progress=progress,
            next_progress=potential.progress.copy(),
            start_progress=self._start_progress.copy(),
            success=potential.success.copy(),
            last_confidence=confidence,
            confidence=potential.confidence.copy(),
            recent=self._recent.copy(),
            penalty=np.ones(len(self)) if penalty is None else penalty,
            infraction=np.zeros(len(self), np.bool_) if infraction is None else infraction,
        )
        self._weights[stepped] = weight[stepped]
        return ShapedStep(
            terms=self._pay(signals, stepped), signals=signals, status=potential.status.copy()
        )

    def get_state(self) -> ShaperState:
        """Return a copy of all that is remembered, to continue bit for bit by `set_state`."""
        return {
            "potential": self.potential.get_state(),
            "weight": np.array(self.weight, np.float64),
            "weights": self._weights.copy(),
            "recent": self._recent.copy(),
            "start_progress": self._start_progress.copy(),
        }

    def set_state(self, state: ShaperState) -> None:
        """Continue from a state of `get_state`, made by a shaper with the same rule.

        Raises:
            ShapingError: If the number of slots differs.
        """
        self.potential.set_state(state["potential"])
        weight = np.array(state["weight"], np.float64)
        self.weight = weight if weight.ndim else float(weight)
        self._weights[:] = state["weights"]
        self._recent[:] = state["recent"]
        self._start_progress[:] = state["start_progress"]

    def _weight(self) -> NDArray[np.float64]:
        """Return the weight in force now, (N,) float64, a copy."""
        weight = np.asarray(self.weight, np.float64)
        if weight.shape not in ((), (len(self),)):
            raise ShapingError(
                f"`weight` must be a number or one per slot, ({len(self)},), got shape "
                f"{weight.shape}; assign one weight for all or one per environment."
            )
        return np.array(np.broadcast_to(weight, len(self)))

    def _pay(self, signals: Signals, stepped: NDArray[np.bool_]) -> Terms:
        """Pay by the rule the slots that stepped, and nothing to the others."""
        if stepped.all():
            return self.rule(signals)
        terms: Terms = {}
        for name, term in self.rule(signals[stepped]).items():
            terms[name] = np.zeros(len(self))
            terms[name][stepped] = term
        return terms
