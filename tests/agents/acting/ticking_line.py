"""The one-dimensional reach in real time: a step lasts until the next tick."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

import gymnasium
import numpy as np
from tests.agents.reach_line import Info, ReachLine

TICK = 0.004  # s


class TickingLine(ReachLine):
    """The same, with steps that last 4 ms; it notes who steps it, when, and that it was closed.

    Every tenth step is a human's, who moves right by a half, where ``human`` says so; step number
    ``fails_at`` fails.
    """

    threads: ClassVar[set[int]] = set()
    closed: ClassVar[int] = 0
    resets: ClassVar[int] = 0

    def __init__(
        self, *, render_mode: str | None = None, human: bool = False, fails_at: int = 0
    ) -> None:
        super().__init__(render_mode=render_mode)
        self._human = human
        self._fails_at = fails_at
        self._steps = 0
        self._next = time.monotonic()

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.ndarray, Info]:
        TickingLine.resets += 1
        self._next = time.monotonic() + TICK
        return super().reset(seed=seed, options=options)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Info]:
        TickingLine.threads.add(threading.get_ident())
        self._steps += 1
        if self._steps == self._fails_at:
            raise RuntimeError("the arm is off")
        acts = self._human and self._steps % 10 == 0
        done = np.array([0.5], np.float32) if acts else np.asarray(action, np.float32)
        late = time.monotonic() > self._next
        time.sleep(max(self._next - time.monotonic(), 0.0))
        self._next = max(self._next, time.monotonic()) + TICK
        observation, reward, terminated, truncated, info = super().step(done)
        info |= {"action": done, "intervention": acts, "late": late}
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        TickingLine.closed += 1


if "tests/TickingLine-v0" not in gymnasium.registry:
    gymnasium.register("tests/TickingLine-v0", TickingLine, max_episode_steps=20)
