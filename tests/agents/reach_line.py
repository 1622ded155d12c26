"""A one-dimensional reach that learns in seconds, and whose state can be taken and given back."""

from __future__ import annotations

import gymnasium
import numpy as np

Info = dict[str, object]


class ReachLine(gymnasium.Env[np.ndarray, np.ndarray]):
    """A point on [-1, 1] moves by up to 0.2 per step towards a goal that each episode draws.

    Success, within 0.1 of the goal, terminates and pays 1. ``progress`` is 1 - distance / 2.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, noise: float = 0.0) -> None:
        self.observation_space = gymnasium.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.render_mode = render_mode
        self._noise = noise
        self._place = self._goal = 0.0

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.ndarray, Info]:
        super().reset(seed=seed, options=options)
        self._place, self._goal = self.np_random.uniform(-1.0, 1.0, 2).tolist()
        if abs(self._place - self._goal) < 0.1:
            self._place = -self._goal or 1.0
        return self._observe(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Info]:
        jitter = self._noise * self.np_random.normal()
        self._place = float(np.clip(self._place + 0.2 * float(action[0]) + jitter, -1.0, 1.0))
        reached = abs(self._place - self._goal) < 0.1
        return self._observe(), float(reached), reached, False, self._info()

    def render(self) -> np.ndarray:
        image = np.zeros((16, 32, 3), np.uint8)
        image[:, round(15.5 + 15.5 * self._goal), 1] = 255
        image[:, round(15.5 + 15.5 * self._place), 0] = 255
        return image

    def _observe(self) -> np.ndarray:
        return np.array([self._place, self._goal - self._place], np.float32)

    def _info(self) -> Info:
        distance = abs(self._place - self._goal)
        return {
            "progress": 1.0 - distance / 2.0,
            "is_success": distance < 0.1,
            "instruction": "move the red bar onto the green one",
        }


class ResumableLine(ReachLine):
    """The same, able to go on where it was."""

    def get_state(self) -> dict[str, object]:
        return {
            "place": self._place,
            "goal": self._goal,
            "generator": self.np_random.bit_generator.state,
        }

    def set_state(self, state: dict[str, object]) -> None:
        self._place, self._goal = state["place"], state["goal"]
        self.np_random.bit_generator.state = state["generator"]


class PoisonedLine(ReachLine):
    """The same, but its oracle lies: whoever reads it is found out."""

    def _info(self) -> Info:
        return {**super()._info(), "progress": 0.123, "stage": 7}


for _class in (ReachLine, ResumableLine, PoisonedLine):
    if f"tests/{_class.__name__}-v0" not in gymnasium.registry:
        gymnasium.register(f"tests/{_class.__name__}-v0", _class, max_episode_steps=20)
