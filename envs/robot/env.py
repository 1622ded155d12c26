"""The Gymnasium environment of a robot behind ROS 2 topics."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from kibble.envs.robot.human_voice import END, FAILURE, START, SUCCESS, TRUNCATED
from kibble.envs.robot.pace import Pace
from kibble.envs.robot.reset_procedure import ResetProcedure
from kibble.envs.robot.robot_file import read_robot
from kibble.envs.robot.robot_io import RobotIo
from kibble.envs.robot.robot_time import RobotTime, SystemTime
from kibble.envs.robot.waiting import StoppedError, wait_until
from kibble.rewards.errors import ConfigError, FrameError, RobotError
from kibble.rewards.ros.clock import SystemClock
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.transport import Transport
from kibble.rewards.types import Frames

__all__ = ["RobotEnv"]

_NODE = "kibble_robot_env"


@final
class RobotEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A robot that a YAML file describes; ``docs/robot_file.md`` has its keys.

    **Action**, ``Box(-1, 1, (A,), float32)``: one velocity per axis of the file as a share of its
    largest speed, and with a gripper, last, -1 open to 1 closed. Whatever the policy asks for, the
    robot stays within speeds, accelerations and the box of the file, and is held when the
    emergency stop is pressed, the policy is late, or state or cameras are lost; see
    :class:`kibble.envs.robot.command_gate.CommandGate`.

    **Observation**, flat ``Box`` of float32 with the file's entries, bounds and order.

    **Reward**: 1 on the step at which success has held, which terminates the episode; otherwise 0.
    **Truncated**: at the file's ``steps``, when a human says that it failed, and at a fault. The
    robot is held at once when an episode ends; ``frames()`` shows its last moment until the next
    step or reset.

    **Time**: an action is in force from the call of :meth:`step` to its return, ``control_dt``
    later. The schedule does not drift; a late action begins it anew, see
    :class:`kibble.envs.robot.pace.Pace`.

    **Info**: ``is_success``; ``instruction``; ``outcome`` at the end (success, failure,
    truncated); ``fault``, why the robot is held, or ""; ``late`` and ``lateness`` in s;
    ``on_time``, the share of all steps; ``intervention``, whether a human drove during the step;
    ``action``, what to learn from: the policy's action, or in an intervention what was done;
    ``executed``, the mean of what was commanded during the step, after all limits, in units of the
    action.

    Args:
        file: The robot's file, or the name of one that comes with the package.
        transport: dds, rclpy or auto, or a transport that is open, which stays open.
        domain: ROS domain, or ``None`` for that of ``ROS_DOMAIN_ID``.
        views: Cameras of the file that are looked at, or ``None`` for all.
        image_size: (height, width) of frames, or ``None`` for as they come.
        render_mode: ``"rgb_array"`` or ``None``; frames can be had in either.
        time: The time; for tests.

    Raises:
        ConfigError: If the file or an argument is not right.
        MissingDependencyError: If what the transport needs is not installed.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"]}  # type: ignore[misc]  # fixed for the class

    def __init__(
        self,
        file: str | Path = "simulated_reach",
        *,
        transport: str | Transport = "dds",
        domain: int | None = None,
        views: Sequence[str] | None = None,
        image_size: Sequence[int] | None = None,
        render_mode: str | None = None,
        time: RobotTime | None = None,
    ) -> None:
        robot = read_robot(file)
        self._robot = robot
        offered = tuple(camera.view for camera in robot.cameras)
        self._views = offered if views is None else tuple(views)
        for view in self._views:
            if view not in offered:
                raise ConfigError(
                    f"`views` must be among {list(offered)}, the cameras of {robot.file}, got "
                    f"{view!r}; add it there."
                )
        if render_mode not in (None, "rgb_array"):
            raise ConfigError(f"`render_mode` must be 'rgb_array' or None, got {render_mode!r}.")
        self.render_mode = render_mode
        self.control_dt = robot.control_dt
        fps = max(1, round(1.0 / robot.control_dt))
        self.metadata = self.metadata | {"render_fps": fps}  # type: ignore[misc]  # per file
        self._time = SystemTime() if time is None else time
        self._pace = Pace(control_dt=robot.control_dt, late_after=robot.late_after)
        size = None if image_size is None else _size(image_size)
        axes = self._axes = robot.action.limits.axes
        with contextlib.ExitStack() as stack:
            if isinstance(transport, str):
                transport = open_transport(transport, _NODE, domain=domain)
                stack.callback(transport.close)
            self._io = RobotIo(
                transport,
                robot,
                views=self._views,
                image_size=size,
                time=self._time,
                clock=SystemClock(),
            )
            stack.callback(self._io.close)
            self._reset = ResetProcedure(
                transport,
                robot.reset,
                gate=self._io.gate,
                human=self._io.human,
                time=self._time,
                place=self._io.place,
                env=self,
                act=self._act_in_reset,
            )
            stack.callback(self._reset.close)
            self._closing = stack.pop_all()  # nothing stays open where one of these fails
        entries = robot.entries
        observer = self._io.observer
        self.observation_names = tuple(entry.name for entry in entries)
        self.proprioception_size = robot.proprioception
        self.observation_space = spaces.Box(observer.low, observer.high, dtype=np.float32)
        self._size = axes + (robot.action.gripper is not None)
        self.action_space = spaces.Box(-1.0, 1.0, (self._size,), np.float32)
        self._running = False
        self._halted = False
        self._begun = 0.0
        self._steps = 0
        self._lateness = 0.0

    # -- Gymnasium -------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Hold the robot, do the file's reset steps, and wait for fresh state and frames.

        An emergency stop is waited out, and begins the reset anew.

        Args:
            seed: Seed of ``np_random``; the world has none.
            options: None are known.

        Raises:
            RobotError: If a reset step, the release of the emergency stop, or state and frames
                take longer than they may; the text says what is missing.
        """
        super().reset(seed=seed)
        if options:
            raise ConfigError(f"`options` must be empty, got {sorted(options)}.")
        if self._running:
            self._end(TRUNCATED)
        while True:
            try:
                self._prepare()
            except StoppedError:
                if self._halted:
                    raise RobotError(
                        "`reset` must come before halt() and close(): the robot is held for good; "
                        "make a new environment to go on."
                    ) from None
                continue
            if self._io.gate.allow():
                break
        self._begun = self._time.now()
        self._steps = 0
        self._running = True
        self._io.success.begin()
        self._io.announce(START)
        self._pace.begin_episode()
        return self._io.observer.read(), {"is_success": False, "instruction": self.instruction}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act for ``control_dt``; see the class.

        Raises:
            ConfigError: If the action has another shape or is not finite; the robot is held.
            gymnasium.error.ResetNeeded: If no episode is running.
        """
        if not self._running:
            raise gymnasium.error.ResetNeeded("No episode is running; call reset() before step().")
        asked = np.asarray(action, np.float64)
        begun = self._time.now()
        observation = self._act(action)
        self._steps += 1
        now = self._time.now()
        gate = self._io.gate
        intervention = gate.driven(begun)
        executed = self._executed(begun, asked)
        done = np.clip(executed if intervention else asked, -1.0, 1.0)
        fault = self._io.fault(now)
        verdict = self._io.human.verdict(self._begun)
        success = not fault and verdict != "failure"
        success = success and (verdict == "success" or self._io.success.succeeded())
        over = bool(self._robot.steps) and self._steps >= self._robot.steps
        truncated = not success and (bool(fault) or verdict == "failure" or over)
        outcome = ""
        if success or truncated:
            outcome = "success" if success else verdict or "truncated"
            self._end({"success": SUCCESS, "failure": FAILURE}.get(outcome, TRUNCATED))
        info = {
            "is_success": success,
            "instruction": self.instruction,
            "outcome": outcome,
            "fault": fault,
            "late": self._pace.is_late(self._lateness),
            "lateness": self._lateness,
            "on_time": self.on_time,
            "intervention": intervention,
            "action": done.astype(np.float32),
            "executed": executed.astype(np.float32),
        }
        return observation, float(success), success, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """Return the (H, W, 3) uint8 RGB picture of the first view, or ``None`` without a mode."""
        if self.render_mode is None or not self._views:
            return None
        view = self._views[0]
        picture: NDArray[np.uint8] = self.frames((view,))[view][0]
        return picture

    def close(self) -> None:
        """Hold the robot by one last command and leave the graph; doing so twice does nothing."""
        self._halted = True
        if self._running:
            self._running = False
            self._io.gate.hold()
            self._io.announce(END, outcome=TRUNCATED)
        self._closing.close()

    def halt(self) -> None:
        """Hold the robot for good, and end a reset that waits; any thread may call it.

        A step that is under way returns at its time, truncated; :meth:`close` is still to come.
        """
        self._halted = True
        self._io.gate.close()

    # -- what is asked for, seen and known -------------------------------------------------

    @property
    def instruction(self) -> str:
        """The task in one sentence; "" while it has not been said."""
        return self._io.instruction

    @property
    def on_time(self) -> float:
        """Share of all steps so far whose action was on time."""
        return self._pace.on_time

    @property
    def holds(self) -> int:
        """How often the robot was held because a policy was late or something was lost."""
        return self._io.gate.holds

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, most important first."""
        return self._views

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Return what the cameras saw at the end of the last step or reset.

        Args:
            views: Names of views, or ``None`` for all.

        Returns:
            View to (1, H, W, 3) uint8 RGB, or packed depth of a depth view.

        Raises:
            FrameError: If there is no such view, or it has never been seen.
        """
        chosen = self._views if views is None else tuple(views)
        for view in chosen:
            if view not in self._views:
                raise FrameError(f"`view` must be one of {list(self._views)}, got {view!r}.")
        return self._io.cameras.frames(chosen)

    @property
    def relative_entries(self) -> NDArray[np.bool_]:
        """(D,) bool: entries about what the instruction names; see the file."""
        return np.array([entry.relative for entry in self._robot.entries], np.bool_)

    @property
    def fine_scales(self) -> NDArray[np.float64]:
        """(D,) float64: up to where an entry's values are to be told apart best, NaN elsewhere."""
        return np.array([entry.fine or np.nan for entry in self._robot.entries])

    # -- private ---------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Do what comes before an episode; raise a StoppedError if the robot is stopped in it."""
        gate, patience = self._io.gate, self._robot.patience
        gate.hold()
        wait_until(
            lambda: "it is pressed" if gate.pressed else "",
            time=self._time,
            seconds=patience,
            what="The emergency stop must be released",
            stopped=lambda: gate.stopped if self._halted else "",
        )
        if not gate.allow():  # it forgets by this that it was stopped
            raise StoppedError
        gate.hold()
        self._reset.run()
        self._time.sleep(self.control_dt)  # what was still on its way is of the time before
        since = self._time.now()
        wait_until(
            lambda: self._io.missing(since),
            time=self._time,
            seconds=patience,
            what="State, frames and instruction must come",
            stopped=lambda: gate.stopped,
        )

    def _act(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Do an action for its time, and return what is observed then."""
        gate = self._io.gate
        asked = np.asarray(action, np.float64)
        if asked.shape != (self._size,) or not np.isfinite(asked).all():
            gate.hold()
            raise ConfigError(
                f"`action` must be {self._size} finite numbers in [-1, 1], got "
                f"{action!r}; the robot is held."
            )
        asked = np.clip(asked, -1.0, 1.0)
        self._lateness, due = self._pace.act(self._time.now())
        gate.ask(asked[: self._axes] * gate.limits.speed)
        if len(asked) > self._axes:
            gate.grip(float(asked[-1]))
        self._time.sleep(due - self._time.now())
        self._io.cameras.take()
        return self._io.observer.read()

    def _act_in_reset(self, action: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Do a reset policy's action, or none, and return what is observed then."""
        if action is None:
            self._pace.begin_episode()
            return self._io.observer.read()
        return self._act(action)

    def _executed(self, since: float, asked: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of what was commanded since a time, s, in units of the action."""
        gate = self._io.gate
        mean = gate.mean(since) / gate.limits.speed
        if len(asked) == self._axes:
            return mean
        closing = gate.closing
        return np.append(mean, asked[-1] if closing is None else closing)

    def _end(self, outcome: int) -> None:
        self._running = False
        self._io.gate.hold()
        self._io.announce(END, outcome=outcome)


def _size(image_size: Sequence[int]) -> tuple[int, int]:
    if len(image_size) != 2 or not all(8 <= int(side) <= 4096 for side in image_size):
        raise ConfigError(
            "`image_size` must be (height, width) with sides of 8 to 4096 pixels, got "
            f"{tuple(image_size)}."
        )
    return int(image_size[0]), int(image_size[1])
