"""The Gymnasium environment of the tabletop suite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.appearance import Appearance, Look
from kibble.envs.tabletop.arguments import (
    check_dwell,
    check_options,
    check_size,
    check_view,
    check_views,
    known_views,
    pick,
)
from kibble.envs.tabletop.cameras import CAMERAS, CameraPose, read_camera
from kibble.envs.tabletop.dressing import Dressing
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.palette import PALETTE, draw_colours
from kibble.envs.tabletop.proprioception import PROPRIOCEPTION, proprioception
from kibble.envs.tabletop.reflections import Reflection, reflections
from kibble.envs.tabletop.renderer import OffscreenRenderer
from kibble.envs.tabletop.scene import scene_xml
from kibble.envs.tabletop.task import Command, TabletopTask
from kibble.envs.tabletop.tasks import make_task
from kibble.envs.tabletop.world import ACTION_SCALE, CONTROL_DT, World
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX, pack_depth
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Frames

__all__ = ["DWELL", "TabletopEnv"]

DWELL = 0.5  # s that success must hold by default
_ACTIONS = ("move_x", "move_y", "move_z", "closing")


@final
class TabletopEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """An arm with a parallel gripper, a table, and an instruction that names one of several goals.

    **Action**, ``Box(-1, 1, (4,), float32)``, at 10 Hz:

    | Index | Name    | Unit at full action                                          |
    |-------|---------|--------------------------------------------------------------|
    | 0     | move_x  | 0.04 m away from the base                                    |
    | 1     | move_y  | 0.04 m to the robot's left                                   |
    | 2     | move_z  | 0.04 m upwards                                               |
    | 3     | closing | +1 closes the fingers, -1 opens them, linear in between      |

    In tasks without grasping the fingers stay closed and the last entry has no effect.

    **Observation**, flat ``Box`` of float32 with finite bounds. Proprioception comes first:

    | Index | Name                     | Unit                                      |
    |-------|--------------------------|-------------------------------------------|
    | 0-2   | hand_x, hand_y, hand_z   | m, pinch point in the base frame          |
    | 3-5   | hand_velocity_x, _y, _z  | m/s                                       |
    | 6     | opening                  | m between the finger pads                 |
    | 7     | grip_load                | share of the largest closing force        |

    then the task's own entries, first those of the instructed goal; each task's docstring has the
    table. The instruction itself is not part of the observation.

    **Reward**: 1 on the step at which success has held for ``dwell``, which terminates the
    episode; otherwise 0.

    **Info**: ``is_success`` (held for ``dwell``), ``progress`` (the oracle's, in [0, 1]),
    ``stage``, ``instruction``. Progress and stage are for evaluation.

    Args:
        task: Name of the task.
        views: Cameras that :meth:`frames` renders by default, the first of which is
            :meth:`render`'s; of ``front``, ``wrist``, ``side``, ``top`` and those of ``cameras``,
            and of each with ``_depth`` added, whose frames are depth; see
            :func:`kibble.rewards.cameras.depth_frames.pack_depth`.
        image_size: (height, width) of the frames, pixels.
        render_mode: ``"rgb_array"`` or ``None``; frames can be had in either.
        cameras: Further cameras that stand still, by name.
        appearance: From where each episode's look is drawn, or ``None`` for the plain scene. What
            happens in an episode is the same either way.
        dwell: How long success must hold, s, 0 or more.

    Raises:
        ConfigError: If the task, a view, the size, the render mode or the dwell is not known or
            out of range.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # fixed for the class
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / CONTROL_DT),
    }

    def __init__(
        self,
        task: str,
        *,
        views: Sequence[str] = ("front", "wrist"),
        image_size: tuple[int, int] = (96, 96),
        render_mode: str | None = None,
        cameras: Mapping[str, CameraPose] | None = None,
        appearance: Appearance | None = None,
        dwell: float = DWELL,
    ) -> None:
        self.task: TabletopTask = make_task(task)
        poses = {**CAMERAS, **(cameras or {})}
        self._known_views = known_views((*poses, "wrist"))
        self.views = check_views(views, self._known_views)
        self.image_size = check_size(image_size)
        if render_mode not in (None, "rgb_array"):
            raise ConfigError(
                f"`render_mode` must be 'rgb_array' or None, got {render_mode!r}; "
                "record a video from 'rgb_array' to watch."
            )
        self.render_mode = render_mode
        self.control_dt = CONTROL_DT
        self._dwell = check_dwell(dwell)
        self.world = World(
            scene_xml(
                things=self.task.things(),
                cameras=poses,
                image_size=self.image_size,
                dressed=appearance is not None,
            )
        )
        self._appearance = appearance
        self._dressing = None if appearance is None else Dressing(self.world.model, poses)
        self._look: Look | None = None
        self._renderer: OffscreenRenderer | None = None
        self._entries = PROPRIOCEPTION + self.task.observations
        self.proprioception_size = len(PROPRIOCEPTION)
        self.observation_names = tuple(entry.name for entry in self._entries)
        self._low = np.array([entry.low for entry in self._entries], np.float32)
        self._high = np.array([entry.high for entry in self._entries], np.float32)
        self.observation_space = spaces.Box(self._low, self._high, dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.goals = self.task.goals
        self._colours: dict[str, str] = {}
        self._paint(tuple(PALETTE)[: len(self.task.slots)])  # until the first reset draws some
        self._goal = self.goals[0]
        self._phrasing = 0
        self._held = 0  # readings in a row that were successes
        self._reading = OracleReading(progress=0.0, stage=0, success=False)

    # -- Gymnasium -------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seed of this and the following episodes, or ``None`` to go on.
            options: ``{"goal": index, "phrasing": index}`` forces one or both; the scene is the
                one that the seed gives anyway.

        Returns:
            Observation and info.

        Raises:
            ConfigError: If an option is not known or out of range.
        """
        super().reset(seed=seed)
        rng = self.np_random
        forced = check_options(options)
        self.world.clear()
        self._paint(draw_colours(rng, len(self.task.slots)))
        goal = int(rng.integers(len(self.goals)))
        phrasing = float(rng.random())
        self.task.place(self.world, rng)
        self.world.settle(0.1)
        self._goal = self.goals[pick("goal", forced.get("goal", goal), len(self.goals))]
        count = len(self.phrasings(self._goal))
        self._phrasing = pick("phrasing", forced.get("phrasing", int(phrasing * count)), count)
        self._held = 0
        self._dress()
        self._reading = self.oracle()
        return self._observe(), self._info()

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Move for a tenth of a second; see the class for the action.

        Raises:
            ValueError: If the action is not four finite numbers.
        """
        command = np.asarray(action, dtype=np.float64)
        if command.shape != (4,) or not np.isfinite(command).all():
            raise ValueError(f"`action` must be 4 finite numbers in [-1, 1], got {action!r}.")
        command = np.clip(command, -1.0, 1.0)
        self.world.move(command[:3] * ACTION_SCALE, float(command[3]) if self.task.grasps else 1.0)
        self._reading = self.oracle()
        self._held = self._held + 1 if self._reading.success else 0
        success = self._is_success()
        return self._observe(), float(success), success, False, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """Return the (H, W, 3) uint8 RGB picture of the first view, or ``None`` without a mode."""
        if self.render_mode is None:
            return None
        return self._render(self.views[0])

    def close(self) -> None:
        """Free the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # -- what is asked for -----------------------------------------------------------------

    @property
    def goal(self) -> Goal:
        """What the instruction asks for."""
        return self._goal

    @property
    def instruction(self) -> str:
        """The sentence that asks for it."""
        return self.phrasings(self._goal)[self._phrasing]

    @property
    def colours(self) -> dict[str, str]:
        """Colour names of this episode by element."""
        return dict(self._colours)

    @property
    def look(self) -> Look | None:
        """What was drawn for this episode's appearance, or ``None`` in the plain scene."""
        return self._look

    def phrasings(self, goal: Goal) -> tuple[str, ...]:
        """Return every sentence that asks for a goal in this scene, the plainest first."""
        return self.task.phrasings(goal, self._colours)

    def oracle(self, goal: Goal | None = None) -> OracleReading:
        """Judge the present state by the simulator's knowledge, for evaluation and labels only.

        Args:
            goal: Any of ``goals``; the instructed one by default.

        Returns:
            Progress, stage, and success at this instant.
        """
        return self.task.oracle(self.world, self._goal if goal is None else goal)

    def affordances(self, goal: Goal | None = None) -> Affordances:
        """Return keypoints and plan of a goal, the instructed one by default; for labels only."""
        return self.task.affordances(self.world, self._goal if goal is None else goal)

    def expert_command(self, goal: Goal | None = None) -> Command:
        """Return what the scripted expert would do now; see :func:`make_expert`."""
        return self.task.expert(self.world, self._goal if goal is None else goal)

    @property
    def reflections(self) -> tuple[Reflection, ...]:
        """Mirror images of a transition that are as true as it is; see :func:`reflections`.

        Left to right that is exact; front to back the arm's servos make a difference of up to
        2 mm and 0.03 m/s in a step.
        """
        return reflections(self.observation_names, _ACTIONS)

    @property
    def relative_entries(self) -> NDArray[np.bool_]:
        """(D,) bool: entries about what the instruction names, wherever on the table it stands.

        The hand's place over the table and the things that are not named are left out.
        """
        return np.array([entry.relative for entry in self._entries], np.bool_)

    @property
    def fine_scales(self) -> NDArray[np.float64]:
        """(D,) float64: up to where an entry's values are to be told apart best, NaN elsewhere."""
        return np.array([entry.fine or np.nan for entry in self._entries])

    # -- what is seen ----------------------------------------------------------------------

    @property
    def further_views(self) -> tuple[str, ...]:
        """Views beside ``views`` that :meth:`frames` renders when they are asked for."""
        return tuple(view for view in self._known_views if view not in self.views)

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Render the present scene.

        Args:
            views: Names of cameras, or ``None`` for ``views``.

        Returns:
            View name to (1, H, W, 3) uint8 RGB, or packed depth of a depth view.

        Raises:
            FrameError: If a view is not known.
            MissingDependencyError: If no GL back end works.
        """
        return {v: self._render(v)[None] for v in (self.views if views is None else views)}

    def camera(self, view: str) -> Camera:
        """Return intrinsics and present extrinsics of a view; a depth view has its camera's.

        Raises:
            FrameError: If the view is not known.
        """
        check_view(view, self._known_views)
        eye = view.removesuffix(DEPTH_SUFFIX)
        return read_camera(self.world.model, self.world.data, eye, self.image_size)

    # -- state -----------------------------------------------------------------------------

    def get_state(self) -> dict[str, NDArray[np.float64] | int | str | list[str]]:
        """Return all that is needed to go on from here bit by bit, random numbers included.

        The look is not part of it: a state from elsewhere is shown in this environment's own.
        """
        return {
            "task": self.task.name,
            "physics": self.world.state(),
            "colours": [self._colours[slot] for slot in self.task.slots],
            "goal": self._goal.index,
            "phrasing": self._phrasing,
            "held": self._held,
            "rng": json.dumps(self.np_random.bit_generator.state),
        }

    def set_state(self, state: Mapping[str, NDArray[np.float64] | int | str | list[str]]) -> None:
        """Return to a state that :meth:`get_state` gave, in this or another environment.

        Raises:
            ConfigError: If the state is of another task.
        """
        if str(state["task"]) != self.task.name:
            raise ConfigError(
                f"`state` must come from task {self.task.name!r}, got {state['task']!r}; "
                "make the environment that it was saved from."
            )
        colours = state["colours"]
        self._paint(tuple(str(name) for name in np.asarray(colours)))
        self._goal = self.goals[int(np.asarray(state["goal"]))]
        self._phrasing = int(np.asarray(state["phrasing"]))
        self._held = int(np.asarray(state["held"]))
        self.np_random.bit_generator.state = json.loads(str(state["rng"]))
        self.world.restore(np.asarray(state["physics"], dtype=np.float64))
        self._reading = self.oracle()

    # -- private ---------------------------------------------------------------------------

    def _paint(self, colours: Sequence[str]) -> None:
        self._colours = dict(zip(self.task.slots, colours, strict=True))
        for slot, colour in self._colours.items():
            self.world.paint(self.task.geoms(slot), colour)
            if self._dressing is not None:
                self._dressing.shade(self.task.geoms(slot), colour)

    def _dress(self) -> None:
        if self._appearance is None or self._dressing is None:
            return
        # Far ahead in the same stream, so that scenes are those of an environment without a look.
        bits = self.np_random.bit_generator
        assert isinstance(bits, np.random.PCG64)
        rng = np.random.Generator(bits.jumped())
        self._look = self._appearance.draw(rng, self._dressing.views)
        self._dressing.wear(self._look)
        self._paint(tuple(self._colours.values()))
        self.world.refresh()

    def _observe(self) -> NDArray[np.float32]:
        values = np.concatenate(
            [proprioception(self.world), self.task.observe(self.world, self._goal)]
        )
        return np.clip(values.astype(np.float32), self._low, self._high)

    def _is_success(self) -> bool:
        return self._held > round(self._dwell / CONTROL_DT)  # n + 1 readings span n steps

    def _info(self) -> dict[str, Any]:
        return {
            "is_success": self._is_success(),
            "progress": self._reading.progress,
            "stage": self._reading.stage,
            "instruction": self.instruction,
        }

    def _render(self, view: str) -> NDArray[np.uint8]:
        check_view(view, self._known_views)
        if self._renderer is None:
            self._renderer = OffscreenRenderer(self.world.model, self.image_size)
        if view.endswith(DEPTH_SUFFIX):
            depth = self._renderer.depth(self.world.data, view.removesuffix(DEPTH_SUFFIX))
            return pack_depth(depth)
        return self._renderer.render(self.world.data, view)
