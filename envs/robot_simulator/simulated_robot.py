"""A robot on the tabletop that is driven by velocities: physics without time, threads or ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.arm import ARM_JOINTS, FINGER_JOINTS, FINGER_RANGE
from kibble.envs.tabletop.env import DWELL, TabletopEnv
from kibble.envs.tabletop.proprioception import PROPRIOCEPTION, proprioception
from kibble.envs.tabletop.scene import TIMESTEP
from kibble.envs.tabletop.world import ACTION_SCALE, CONTROL_DT
from kibble.rewards.keypoints.roles import ROLES, Role

__all__ = ["LARGEST_SPEED", "RobotState", "SimulatedRobot"]

LARGEST_SPEED = ACTION_SCALE / CONTROL_DT
"""m/s along each axis that the hand follows; it is the suite's full action."""

_FEELINGS = tuple(entry.name for entry in PROPRIOCEPTION)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobotState:
    """What the robot and its surroundings are like at one instant.

    Args:
        names: Proprioception of the suite, then the arm's and the fingers' joints.
        positions: (J,) float64, m, rad, or what the entry is in.
        velocities: (J,) float64 per s; 0 where it is not measured.
        pinch: (3,) float64 m, the point between the finger tips in the base frame.
        orientation_wxyz: (4,) float64, the hand's turn against the base frame.
        objects: Place of the task's keypoints by role, (3,) float64 m in the base frame.
        observation: The suite's whole observation, (D,) float64.
        success: Whether the task's success has held for the dwell.
        progress: The simulator's own judgement, in [0, 1].
    """

    names: tuple[str, ...]
    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]
    pinch: NDArray[np.float64]
    orientation_wxyz: NDArray[np.float64]
    objects: Mapping[str, NDArray[np.float64]]
    observation: NDArray[np.float64]
    success: bool
    progress: float


@final
class SimulatedRobot:
    """The arm of the suite under velocity commands that hold until the next one.

    A whole control step under one velocity moves the hand as far as an action of the suite does.

    Args:
        env: The scene; the robot moves its world and leaves its ``step`` alone.
        dwell: How long success must hold, s.
    """

    def __init__(self, env: TabletopEnv, *, dwell: float = DWELL) -> None:
        self.env = env
        self._dwell = dwell
        self._velocity = np.zeros(3)
        self._closing = 1.0
        self._held = 0.0  # s for which success has held
        self._was = False  # whether the last reading was a success
        self._joints = [env.world.model.joint(name) for name in (*ARM_JOINTS, *FINGER_JOINTS)]
        self._qpos = [int(joint.qposadr[0]) for joint in self._joints]
        self._qvel = [int(joint.dofadr[0]) for joint in self._joints]
        self.names = (*_FEELINGS, *ARM_JOINTS, *FINGER_JOINTS)

    @property
    def instruction(self) -> str:
        """What the robot is asked for in this episode."""
        return self.env.instruction

    @property
    def velocity(self) -> NDArray[np.float64]:
        """(3,) float64 m/s that the hand is commanded."""
        return self._velocity.copy()

    @property
    def closing(self) -> float:
        """What the fingers are commanded, -1 open to 1 closed."""
        return self._closing

    def reset(self, *, seed: int | None = None) -> None:
        """Set the scene anew, at rest; a seed begins a sequence of scenes, ``None`` goes on."""
        self.env.reset(seed=seed)
        self._velocity = np.zeros(3)
        self._closing = -1.0 if self.env.world.opening > FINGER_RANGE else 1.0
        self._held, self._was = 0.0, False

    def drive(self, velocity: NDArray[np.float64]) -> None:
        """Command (3,) m/s in the base frame, clipped to ``LARGEST_SPEED`` along each axis."""
        self._velocity = np.clip(velocity, -LARGEST_SPEED, LARGEST_SPEED)

    def grip(self, closing: float) -> None:
        """Command the fingers, -1 open to 1 closed; without effect in tasks without grasping."""
        if self.env.task.grasps:
            self._closing = min(max(closing, -1.0), 1.0)

    def halt(self) -> None:
        """Stop where the hand is, giving up what it was still to move."""
        self._velocity = np.zeros(3)
        self.env.world.hand_target = self.env.world.pinch

    def advance(self, duration: float) -> None:
        """Let time pass.

        Args:
            duration: s, a multiple of the physics' time step.
        """
        self.env.world.move(self._velocity * duration, self._closing, duration=duration)
        success = self.env.oracle().success
        self._held = self._held + duration if success and self._was else 0.0
        self._was = success

    def state(self) -> RobotState:
        """Return what is to be felt and seen now."""
        world, data = self.env.world, self.env.world.data
        feelings = proprioception(world)
        positions = np.concatenate([feelings, data.qpos[self._qpos]])
        velocities = np.zeros(len(positions))
        velocities[:3] = feelings[3:6]
        velocities[len(feelings) :] = data.qvel[self._qvel]
        task = self.env.task
        places = dict(zip(ROLES, self.env.affordances().positions, strict=True))
        return RobotState(
            names=self.names,
            positions=positions,
            velocities=velocities,
            pinch=world.pinch,
            orientation_wxyz=np.array(data.body("hand").xquat),
            objects={
                role.value: place
                for role, place in places.items()
                if role is not Role.GRIPPER and np.isfinite(place).all()
            },
            observation=np.concatenate([feelings, task.observe(world, self.env.goal)]),
            success=self._was and self._held >= self._dwell - TIMESTEP / 2,
            progress=self.env.oracle().progress,
        )

    def copy_scene(self, target: mujoco.MjData) -> None:
        """Copy the present scene, for drawing it while the robot goes on."""
        mujoco.mj_copyData(target, self.env.world.model, self.env.world.data)
