"""What the hand does while training data is recorded: from expert to aimless.

A reward model that has only seen experts misjudges what a learning agent does. Every episode is a
chain of segments, each with its own behaviour: the expert towards some goal, more or less noisy
or slow; wandering; standing still; drifting off; fumbling with the gripper.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "Act", "SegmentedBehaviour"]

Action: TypeAlias = NDArray[np.float32]
Act: TypeAlias = Callable[[], Action]
ExpertMaker: TypeAlias = Callable[[int, np.random.Generator], Act]

KINDS = ("expert", "wrong_goal", "mixed", "aimless")
KIND_SHARES = (0.3, 0.15, 0.4, 0.15)
_SEGMENTS = ("expert", "noisy", "wander", "still", "drift", "fumble")
_MIXED_SHARES = (0.25, 0.35, 0.15, 0.07, 0.1, 0.08)
_AIMLESS_SHARES = (0.0, 0.0, 0.6, 0.05, 0.25, 0.1)


class SegmentedBehaviour:
    """A chain of random segments.

    Args:
        make_expert: Makes the expert towards a goal index from the present state on.
        goals: Number of goals that the scene allows.
        goal: The goal that the episode's instruction names.
        rng: Source of every choice.
        kind: One of ``KINDS``, or ``None`` to draw one.
    """

    def __init__(
        self,
        make_expert: ExpertMaker,
        *,
        goals: int,
        goal: int,
        rng: np.random.Generator,
        kind: str | None = None,
    ) -> None:
        self._make_expert, self._goals, self._goal, self._rng = make_expert, goals, goal, rng
        self.kind = kind if kind is not None else str(rng.choice(KINDS, p=KIND_SHARES))
        self._left = 0
        self._act: Act = self._still()
        if self.kind in ("expert", "wrong_goal"):
            aim = goal
            if self.kind == "wrong_goal" and goals > 1:
                aim = int(rng.choice([g for g in range(goals) if g != goal]))
            noise = float(rng.choice([0.0, 0.1, 0.25], p=[0.5, 0.25, 0.25]))
            self._act = self._expert(aim, noise=noise, speed=float(rng.uniform(0.6, 1.0)))
            self._left = int(rng.integers(45, 90))

    def __call__(self) -> Action:
        """The next action, (4,) float32 in [-1, 1]."""
        if self._left <= 0:
            self._act, self._left = self._segment()
        self._left -= 1
        return np.clip(self._act(), -1.0, 1.0).astype(np.float32)

    def _segment(self) -> tuple[Act, int]:
        rng = self._rng
        shares = _AIMLESS_SHARES if self.kind == "aimless" else _MIXED_SHARES
        name = rng.choice(_SEGMENTS, p=shares)
        if name in ("expert", "noisy"):
            aim = self._goal if rng.random() < 0.5 else int(rng.integers(self._goals))
            noise = 0.05 if name == "expert" else float(rng.uniform(0.2, 1.0))
            act = self._expert(aim, noise=noise, speed=float(rng.uniform(0.3, 1.0)))
            return act, int(rng.integers(5, 40))
        if name == "wander":
            return self._wander(), int(rng.integers(5, 30))
        if name == "drift":
            return self._drift(), int(rng.integers(3, 12))
        if name == "fumble":
            return self._fumble(), int(rng.integers(3, 10))
        return self._still(), int(rng.integers(2, 10))

    def _expert(self, goal: int, *, noise: float, speed: float) -> Act:
        expert, rng = self._make_expert(goal, self._rng), self._rng
        walk = np.zeros(4)

        def act() -> Action:
            nonlocal walk
            walk = 0.8 * walk + 0.6 * rng.standard_normal(4)  # unit variance, correlated in time
            action = np.asarray(expert(), dtype=np.float64).copy()
            action[:3] *= speed
            action[:3] += noise * walk[:3]
            action[3] += 0.5 * noise * walk[3]
            return action.astype(np.float32)

        return act

    def _wander(self) -> Act:
        rng, grip = self._rng, self._rng.uniform(-1.0, 1.0)
        scale = rng.uniform(0.3, 1.0)
        walk = np.zeros(3)
        pull = np.array([0.0, 0.0, -rng.uniform(0.0, 0.3)])  # objects are low, so lean downwards

        def act() -> Action:
            nonlocal walk
            walk = 0.85 * walk + 0.5 * rng.standard_normal(3)
            return np.append(scale * walk + pull, grip).astype(np.float32)

        return act

    def _drift(self) -> Act:
        direction = self._rng.standard_normal(3)
        direction *= self._rng.uniform(0.2, 1.0) / (1e-6 + float(np.linalg.norm(direction)))
        action = np.append(direction, self._rng.choice([-1.0, 1.0])).astype(np.float32)
        return lambda: action

    def _fumble(self) -> Act:
        rng = self._rng
        return lambda: np.append(0.1 * rng.standard_normal(3), rng.choice([-1, 1])).astype(
            np.float32
        )

    def _still(self) -> Act:
        action = np.zeros(4, np.float32)
        action[3] = self._rng.choice([-1.0, 0.0, 1.0])
        return lambda: action
