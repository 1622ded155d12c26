"""The commands that ``kibble ros demo`` is made of, as words after ``kibble``."""

from __future__ import annotations

from pathlib import Path
from typing import final

from kibble.agents.ros.demo_config import RosDemoConfig

__all__ = ["NODE", "DemoWords"]

NODE = "reward_node"
"""Name of the reward node, which the simulated robot's file announces its episodes to."""

_VIEWS = ("front", "wrist")
_INSTRUCTION = "reach the ball"  # until the robot says which one


@final
class DemoWords:
    """Words of each command.

    Args:
        config: What the demo was asked for.
        out: Its folder.
        port: Port of the reward service.
    """

    def __init__(self, config: RosDemoConfig, out: Path, *, port: int) -> None:
        self._config, self._port = config, port
        self.model = f"remote@http://127.0.0.1:{port}/grm_tiny"
        self.run = out / "train"
        self.bag = out / "episodes.mcap"
        self.scored = out / "scored.mcap"
        self.scores = out / "score"

    @property
    def serve(self) -> list[str]:
        """The reward service."""
        return ["serve", f"port={self._port}"]

    @property
    def simulate(self) -> list[str]:
        """The simulated robot."""
        return ["ros", "simulate", f"views=[{','.join(_VIEWS)}]", f"seed={self._config.seed}"]

    @property
    def node(self) -> list[str]:
        """The reward node, which asks the service."""
        cameras = ", ".join(f"{view}: /camera/{view}/image_raw" for view in _VIEWS)
        return [
            *("ros", "node", f"name={NODE}", f"reward={self.model}"),
            *(f"cameras={{{cameras}}}", f"instruction='{_INSTRUCTION}'"),
        ]

    @property
    def train(self) -> list[str]:
        """Learning on the robot."""
        return [
            *("train", "task=robot", "reward=remote", f"reward.weights={self.model}"),
            *("shaping=difference", "shaping.transforms=[{name: success_bonus, value: 3}]"),
            *("observation=relative", "agent.gradient_steps=3", f"steps={self._config.steps}"),
            *(f"seed={self._config.seed}", f"run={self.run}", "quiet=true"),
        ]

    @property
    def record(self) -> list[str]:
        """Recording all topics."""
        return ["ros", "record", f"output={self.bag}"]

    @property
    def evaluate(self) -> list[str]:
        """Playing; the robot waits neither for a judge nor for films."""
        return [
            *("evaluate", f"run={self.run}", f"episodes={self._config.episodes}"),
            *(f"seeds=[{self._config.seed}]", "judge=none", "videos=0", "quiet=true"),
        ]

    @property
    def score(self) -> list[str]:
        """Reading the recording by the same model, here under its own name."""
        return [
            *("score", f"input={self.bag}", "reward=[grm_tiny]", f"out={self.scores}"),
            *(f"bag={self.scored}", "quiet=true"),
        ]
