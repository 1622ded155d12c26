"""An environment that kills its process, as want of memory does."""

from __future__ import annotations

import os
import signal

import gymnasium
import numpy as np
from tests.agents.reach_line import Info, ReachLine


class DeadlyLine(ReachLine):
    """The reach, up to its first step."""

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Info]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process does not go on")


if "tests/DeadlyLine-v0" not in gymnasium.registry:
    gymnasium.register("tests/DeadlyLine-v0", DeadlyLine, max_episode_steps=20)
