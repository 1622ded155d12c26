"""The Gymnasium environment of the traps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from kibble.envs.traps.definitions import CELL
from kibble.envs.traps.drawing import draw
from kibble.envs.traps.layout import ACTIONS
from kibble.envs.traps.model import find_trap
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.frames import single_frame
from kibble.rewards.tabular import FiniteMDP
from kibble.rewards.types import Frames

__all__ = ["INSTRUCTION", "TrapEnv"]

INSTRUCTION = "drive the blue robot to the green goal"


@final
class TrapEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """A robot on a small grid, with a picture that a reward model can read.

    **Action**, ``Discrete(5)``: up, right, down, left, wait.

    **Observation**, ``Box(0, 1, (S,), float32)``: one-hot, which of the S cells the robot is in.

    **Reward**: 1 on reaching the goal, which terminates the episode, otherwise 0. A pit terminates
    it too.

    **Info**: ``is_success``; ``progress``, 1 - steps to the goal / the most steps, for evaluation
    alone; ``instruction``.

    Args:
        trap: Name of the trap; see :data:`kibble.envs.traps.TRAPS`.
        render_mode: ``"rgb_array"`` or ``None``; frames can be had in either.

    Attributes:
        mdp: The exact process that the environment plays; state i is cell i.

    Raises:
        ConfigError: If the trap or the render mode is not known.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # fixed for the class
        "render_modes": ["rgb_array"],
        "render_fps": 5,
    }

    def __init__(self, trap: str, *, render_mode: str | None = None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ConfigError(f"`render_mode` must be 'rgb_array' or None, got {render_mode!r}.")
        self.trap = find_trap(trap)
        self.render_mode = render_mode
        self.views = ("front",)
        layout = self.trap.layout
        self.mdp: FiniteMDP = layout.mdp()
        self._cells = layout.cells
        self._goals = np.array([layout.is_goal(cell) for cell in self._cells])
        steps = layout.steps_to_goal()
        most = steps[np.isfinite(steps)].max()
        self._progress = np.where(np.isfinite(steps), 1.0 - steps / most, 0.0)
        self.observation_space = spaces.Box(0.0, 1.0, (self.mdp.states,), np.float32)
        self.action_space = spaces.Discrete(len(ACTIONS))
        self._pictures: dict[int, NDArray[np.uint8]] = {}
        self._state = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode; there are no options."""
        super().reset(seed=seed)
        self._state = self._draw(self.mdp.start)
        return self._observe(), self._info()

    def step(
        self, action: np.int64
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Move; see the class for the action."""
        before = self._state
        self._state = self._draw(self.mdp.transition[before, int(action)])
        reward = float(self.mdp.reward[before, int(action), self._state])
        return self._observe(), reward, bool(self.mdp.terminal[self._state]), False, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """Return the (H, W, 3) uint8 RGB picture, or ``None`` without a mode."""
        return None if self.render_mode is None else self._picture()

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Draw the present state; the one view is ``front``.

        Returns:
            View name to (1, H, W, 3) uint8 RGB.

        Raises:
            FrameError: If another view is asked for.
        """
        chosen = self.views if views is None else tuple(views)
        if chosen != self.views:
            raise FrameError(f"`views` of a trap must be {self.views}, got {chosen}.")
        return single_frame("front", self._picture())

    @property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each state."""
        return self._cells

    def get_state(self) -> dict[str, object]:
        """Return all that is needed to go on from here."""
        return {"state": self._state, "rng": json.dumps(self.np_random.bit_generator.state)}

    def set_state(self, state: Mapping[str, object]) -> None:
        """Return to a state that :meth:`get_state` gave, or put the robot into ``state`` alone."""
        self._state = int(str(state["state"]))
        if "rng" in state:
            self.np_random.bit_generator.state = json.loads(str(state["rng"]))

    def _draw(self, chances: NDArray[np.float64]) -> int:
        certain = int(chances.argmax())
        if chances[certain] == 1.0:
            return certain
        return int(self.np_random.choice(len(chances), p=chances))

    def _picture(self) -> NDArray[np.uint8]:
        if self._state not in self._pictures:
            picture = draw(self.trap.layout, self._cells[self._state], cell=CELL)
            self._pictures[self._state] = picture
        return self._pictures[self._state].copy()

    def _observe(self) -> NDArray[np.float32]:
        observation = np.zeros(self.mdp.states, np.float32)
        observation[self._state] = 1.0
        return observation

    def _info(self) -> dict[str, Any]:
        return {
            "is_success": bool(self._goals[self._state]),
            "progress": float(self._progress[self._state]),
            "instruction": INSTRUCTION,
        }
