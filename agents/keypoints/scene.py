"""What keypoints are marked on: the first frames of a recording, or of a simulated task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from kibble.agents.keypoints.config import KeypointsConfig
from kibble.agents.task_config import TaskConfig
from kibble.envs.frames import frame_source
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.types import Frames

if TYPE_CHECKING:
    from kibble.agents.environments import Env

__all__ = ["Scene", "SimulatedScenes", "recorded_scene"]

_VIEWS = ("front", "side")
_CLEAR = 384  # pixels that a picture to be clicked on has across at least, where it is rendered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A scene to mark.

    Args:
        name: Short name for files and captions.
        frames: (1, H, W, 3) uint8 RGB per view.
        instruction: What is to be done, or ``None`` where nobody says.
        cameras: Calibrated views, by which heights can be drawn.
        oracle: What the simulator knows, as frames of its own view, for the oracle and for
            errors; empty elsewhere.
    """

    name: str
    frames: Frames
    instruction: str | None
    cameras: Mapping[str, Camera]
    oracle: Frames


def recorded_scene(config: KeypointsConfig) -> Scene:
    """Read the first frame of ``config.input``.

    Raises:
        ConfigError: If views and inputs do not match.
        FrameError: If there is nothing that can be read.
    """
    from kibble.agents.footage.reading import Sampling, read_footage

    footage = read_footage(
        config.input,
        views=config.views,
        sampling=Sampling(max_frames=2, episode=config.episode),
    )
    frames = {
        view: np.ascontiguousarray(batch[:1])
        for view, batch in footage.frames.items()
        if not view.endswith("_depth")
    }
    instruction = footage.instruction if config.instruction is None else config.instruction
    return Scene(name=footage.name, frames=frames, instruction=instruction, cameras={}, oracle={})


@final
class SimulatedScenes:
    """Start frames of a simulated task, by seed.

    Args:
        config: Task, look and instruction.
        clear: Whether small pictures are rendered larger, for people to click on.

    Raises:
        ConfigError: If the task or its look is not known.
    """

    def __init__(self, config: KeypointsConfig, *, clear: bool) -> None:
        # Gymnasium and Stable-Baselines3 take seconds to import; pictures do without them.
        from kibble.agents.environments import make_environment
        from kibble.envs.tabletop import Appearance

        self._config = config
        task = config.task
        if task.views is not None:  # it has cameras to choose from
            task = replace(task, views=list(config.views or _VIEWS))
        if clear:
            task = replace(task, image_size=_enlarged(task))
        options: dict[str, Any] = dict(task.options)
        if config.appearance != "plain":
            options["appearance"] = getattr(Appearance, config.appearance)()
        self._env: Env = make_environment(replace(task, options=options), renders=True)

    def open(self, seed: int) -> Scene:
        """Return the first frames of the episode that a seed gives."""
        from kibble.agents.oracle_keypoints import keypoint_frames
        from kibble.envs.tabletop import TabletopEnv

        _, info = self._env.reset(seed=seed)
        frames = frame_source(self._env).frames()
        said = self._config.instruction or self._config.task.instruction or info.get("instruction")
        cameras: dict[str, Camera] = {}
        oracle: Frames = {}
        if isinstance(table := self._env.unwrapped, TabletopEnv):
            cameras = {view: table.camera(view) for view in frames}
            oracle = keypoint_frames(table.task.name, table.affordances())
        return Scene(
            name=f"{self._config.task.name}-seed{seed}",
            frames={view: frames[view] for view in frames if not view.endswith("_depth")},
            instruction=None if said is None else str(said),
            cameras=cameras,
            oracle=oracle,
        )

    def close(self) -> None:
        """Free the renderer."""
        self._env.close()


def _enlarged(task: TaskConfig) -> list[int]:
    factor = max(-(-_CLEAR // min(task.image_size)), 1)
    return [side * factor for side in task.image_size]
