"""The smallest real environment: a bright dot on a line, drawn by NumPy."""

from __future__ import annotations

import gymnasium
import numpy as np

Info = dict[str, object]

CELLS = 16


class LineEnv(gymnasium.Env[np.ndarray, np.int64]):
    """A dot on 16 cells moves left (0) or right (1); the rightmost cell terminates and pays 1.

    Truncates after `limit` steps. The frame is (8, 32, 3): two bright columns where the dot is.
    `info` tells an instruction if there is one, and an oracle's progress and success, which no
    reward may depend on.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        *,
        limit: int = 9,
        instruction: str | None = "move the dot to the right",
        render_mode: str | None = "rgb_array",
        oracle: float | None = None,
    ) -> None:
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.render_mode = render_mode
        self.limit = limit
        self.instruction = instruction
        self.oracle = oracle
        self.renders = 0
        self._cell = 0
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.ndarray, Info]:
        super().reset(seed=seed, options=options)
        self._cell = int(self.np_random.integers(4, CELLS - 3))
        self._steps = 0
        info = self._info()
        if self.instruction is not None:
            info["instruction"] = self.instruction
        return self._observe(), info

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, Info]:
        self._cell = max(0, self._cell + (1 if action == 1 else -1))
        self._steps += 1
        terminated = self._cell == CELLS - 1
        truncated = not terminated and self._steps >= self.limit
        return self._observe(), float(terminated), terminated, truncated, self._info()

    def render(self) -> np.ndarray:
        self.renders += 1
        image = np.zeros((8, 2 * CELLS, 3), np.uint8)
        image[:, 2 * self._cell : 2 * self._cell + 2] = 255
        return image

    def _observe(self) -> np.ndarray:
        return np.array([self._cell / (CELLS - 1)], np.float32)

    def _info(self) -> Info:
        progress = self._cell / (CELLS - 1) if self.oracle is None else self.oracle
        return {"progress": progress, "is_success": progress >= 1.0}


class TwoViewEnv(LineEnv):
    """The same line from two named views."""

    views = ("front", "wrist")

    def frames(self, views: object = None) -> dict[str, np.ndarray]:
        chosen = self.views if views is None else views
        image = self.render()
        both = {"front": image[None], "wrist": np.ascontiguousarray(image[None, :, ::-1])}
        return {view: both[view] for view in chosen}
