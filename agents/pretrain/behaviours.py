"""What the hand does while training data is recorded: from expert to aimless.

A reward model that has only seen experts misjudges what a learning agent does. Every clip has one
of the kinds of behaviour in ``BEHAVIOURS``; each decides from the present state, the oracle's
readings of it and a random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kibble.agents.pretrain.acts import (
    Act,
    Action,
    backwards,
    drift,
    expert,
    expert_of,
    fumble,
    hold,
    mistaken_expert,
    paced,
    still,
    wander,
)
from kibble.envs.tabletop import Goal, TabletopEnv
from kibble.rewards.grm.clips import BEHAVIOURS

__all__ = ["Behaviour"]

_MISSES = {  # m, how far off the mistaken expert aims: just outside of what counts
    "reach": (0.034, 0.05),
    "push": (0.052, 0.07),
    "pick_place": (0.043, 0.048),
    "peg_insert": (0.022, 0.04),
    "stack": (0.028, 0.04),
}
_MISTAKEN = {"reach": 0.5, "push": 0.5, "pick_place": 0.4, "peg_insert": 0.5, "stack": 0.3}
_SHORT = {"pick_place": (0.80, 0.90), "stack": (0.80, 0.90), "peg_insert": (0.78, 0.93)}
_REGRESS_FROM = 0.8
# Not the other way round: training must not see how drawers are closed.
_OPPOSITE = {"drawer_close": "drawer_open"}
_MIXED = {
    "expert": 0.25,
    "noisy": 0.35,
    "wander": 0.15,
    "still": 0.07,
    "drift": 0.1,
    "fumble": 0.08,
}
_RANDOM = {"wander": 0.6, "still": 0.05, "drift": 0.25, "fumble": 0.1}


class Behaviour:
    """Acts out one kind of behaviour in an environment that was just reset.

    Args:
        env: The environment, whose instructed goal is the one that the kind is about.
        kind: One of ``BEHAVIOURS``.
        rng: Source of every choice.
        steps: Control steps that the clip has.

    Raises:
        ValueError: If the kind is not known.
    """

    def __init__(
        self, env: TabletopEnv, *, kind: str, rng: np.random.Generator, steps: int
    ) -> None:
        if kind not in BEHAVIOURS:
            raise ValueError(f"`kind` must be one of {', '.join(BEHAVIOURS)}, got {kind!r}.")
        self._env, self._rng, self._steps = env, rng, steps
        self._goal = env.goal
        self._past: list[Action] = []
        self._next: Callable[[], None] = lambda: None
        self._act: Act = still(rng)
        getattr(self, f"_begin_{kind}")()

    def __call__(self) -> Action:
        """The next action, (4,) float32 in [-1, 1]."""
        self._next()
        action = np.clip(self._act(), -1.0, 1.0).astype(np.float32)
        self._past.append(action)
        return action

    # -- kinds -----------------------------------------------------------------------------

    def _begin_success(self) -> None:
        noise = float(self._rng.choice([0.0, 0.1, 0.25], p=[0.5, 0.3, 0.2]))
        self._act = self._expert(noise=noise, speed=self._rng.uniform(0.55, 1.0))

    def _begin_wrong_object(self) -> None:
        others = [goal for goal in self._env.goals if goal.index != self._goal.index]
        wrong = others[int(self._rng.integers(len(others)))]
        self._act = self._expert(wrong, noise=0.1, speed=self._rng.uniform(0.5, 1.0))

    def _begin_partial(self) -> None:
        begun = self._env.oracle().progress
        until = begun + self._rng.uniform(0.2, 0.85) * (0.9 - begun)
        self._act = self._expert(noise=0.1, speed=self._rng.uniform(0.4, 1.0))
        end = self._rng.choice(["hold", "drop", "drift", "wander"])

        def watch() -> None:
            if self._env.oracle().progress >= until:
                self._next = lambda: None
                if end == "drift":
                    self._for(drift(self._rng), (3, 9), then=self._still)
                elif end == "wander":
                    self._act = wander(self._rng)
                else:
                    closing = -1.0 if end == "drop" else float(self._past[-1][3])
                    self._act = hold(self._env, closing)

        self._next = watch

    def _begin_near_miss(self) -> None:
        rng, task = self._rng, self._env.task.name
        speed = rng.uniform(0.4, 0.9)
        if rng.random() < _MISTAKEN.get(task, 0.0):
            angle = rng.uniform(-np.pi, np.pi)
            if task == "pick_place":  # towards an edge rather than a corner, to stay on
                angle = float(rng.integers(4)) * np.pi / 2 + rng.uniform(-0.1, 0.1)
            aside = np.array([np.cos(angle), np.sin(angle), 0.0]) * rng.uniform(*_MISSES[task])
            act = mistaken_expert(self._env, self._goal, rng, aside)
            self._act = paced(act, rng, noise=0.03, speed=speed)
            return
        low, high = _SHORT.get(task, (0.75, 0.93))
        self._act = self._expert(noise=0.05, speed=0.7 * speed)
        self._stop_at(rng.uniform(low, high))

    def _begin_regress(self) -> None:
        rng, env = self._rng, self._env
        complete, patience = rng.random() < 0.6, int(rng.integers(0, 8))
        drop, peak = rng.uniform(0.35, 0.6), 0.0
        self._act = self._expert(noise=0.05, speed=rng.uniform(0.7, 1.0))

        def rise() -> None:
            nonlocal patience, peak
            reading = env.oracle()
            peak = max(peak, reading.progress)
            late = len(self._past) > 0.5 * self._steps
            if reading.success:
                patience -= 1
            if (reading.success and patience < 0) or (
                reading.progress >= _REGRESS_FROM and (late or not complete)
            ):
                self._act, self._next = self._undo(), fall

        def fall() -> None:
            if env.oracle().progress > peak - drop:
                return
            self._next = lambda: None
            left = self._steps - len(self._past)
            if rng.random() < 0.4 and left > 10:
                self._act = self._expert(noise=0.1, speed=rng.uniform(0.6, 1.0))
            elif rng.random() < 0.5:
                self._for(drift(rng), (3, 9), then=self._still)
            else:
                self._act = hold(env, float(rng.choice([-1.0, 1.0])))

        self._next = rise

    def _begin_stall(self) -> None:
        rng = self._rng
        moving = self._expert(noise=0.05, speed=rng.uniform(0.25, 0.6))
        resting, left, rest = self._act, int(rng.integers(2, 12)), rng.random() < 0.5

        def switch() -> None:
            nonlocal left, rest, resting
            left -= 1
            if left < 0:
                rest = not rest
                left = int(rng.integers(8, 25) if rest else rng.integers(3, 12))
                closing = float(self._past[-1][3]) if self._past else 0.0
                resting = hold(self._env, closing)
            self._act = resting if rest else moving

        self._next = switch

    def _begin_random(self) -> None:
        self._segments(_RANDOM)

    def _begin_mixed(self) -> None:
        self._segments(_MIXED)

    # -- parts -----------------------------------------------------------------------------

    def _expert(self, goal: Goal | None = None, *, noise: float, speed: float) -> Act:
        act = expert(self._env, self._goal if goal is None else goal, self._rng)
        return paced(act, self._rng, noise=noise, speed=float(speed))

    def _still(self) -> None:
        self._act = still(self._rng)

    def _for(self, act: Act, between: tuple[int, int], *, then: Callable[[], None]) -> None:
        left = int(self._rng.integers(*between))
        self._act = act

        def count() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                self._next = lambda: None
                then()

        self._next = count

    def _stop_at(self, progress: float) -> None:
        def watch() -> None:
            if self._env.oracle().progress >= progress:
                closing = float(self._past[-1][3]) if self._past else 1.0
                self._act, self._next = hold(self._env, closing), lambda: None

        self._next = watch

    def _undo(self) -> Act:
        """Do the opposite, bring the thing to another goal's target, or retrace the way."""
        same = [
            goal
            for goal in self._env.goals
            if goal.subject == self._goal.subject and goal.index != self._goal.index
        ]
        if self._env.task.name in _OPPOSITE:
            opposite = _OPPOSITE[self._env.task.name]
            act = expert_of(self._env, opposite, self._goal, self._rng)
            return paced(act, self._rng, noise=0.05, speed=self._rng.uniform(0.6, 1.0))
        if not same:
            return paced(backwards(self._past), self._rng, noise=0.05, speed=1.0)
        other = same[int(self._rng.integers(len(same)))]
        return self._expert(other, noise=0.05, speed=self._rng.uniform(0.6, 1.0))

    def _segments(self, shares: Mapping[str, float]) -> None:
        rng = self._rng

        def begin() -> None:
            name = str(rng.choice(list(shares), p=list(shares.values())))
            if name in ("expert", "noisy"):
                goals = self._env.goals
                aim = self._goal if rng.random() < 0.5 else goals[int(rng.integers(len(goals)))]
                noise = 0.05 if name == "expert" else float(rng.uniform(0.2, 1.0))
                act = self._expert(aim, noise=noise, speed=rng.uniform(0.3, 1.0))
                self._for(act, (5, 40), then=begin)
            elif name == "wander":
                self._for(wander(rng), (5, 30), then=begin)
            elif name == "drift":
                self._for(drift(rng), (3, 12), then=begin)
            elif name == "fumble":
                self._for(fumble(rng), (3, 10), then=begin)
            else:
                self._for(still(rng), (2, 10), then=begin)

        begin()
