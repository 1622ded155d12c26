"""The simulated table: named geometric queries, placing things, and moving the hand."""

from __future__ import annotations

import math
from typing import final

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.arm import (
    ARM_JOINTS,
    FINGER_JOINTS,
    FINGER_RANGE,
    WORKSPACE_HIGH,
    WORKSPACE_LOW,
    inverse_kinematics,
)
from kibble.envs.tabletop.palette import PALETTE
from kibble.envs.tabletop.scene import TIMESTEP

__all__ = ["ACTION_SCALE", "CONTROL_DT", "World"]

CONTROL_DT = 0.1  # s between two actions
ACTION_SCALE = 0.04  # m per step and axis at full action
_LEAD = 0.06  # m, how far the commanded place may run ahead of the hand
_GRIP_FORCE = 12.0  # N, limit of each finger's servo


@final
class World:
    """A compiled scene with its state; every element is addressed by name.

    Args:
        xml: The scene as MJCF.
    """

    def __init__(self, xml: str) -> None:
        self.model = mujoco.MjModel.from_xml_string(xml)
        self.data = mujoco.MjData(self.model)
        self.hand_target = np.zeros(3)  # (3,) m, commanded pinch point
        self._arm_qpos = [int(self.model.joint(name).qposadr[0]) for name in ARM_JOINTS]
        self._finger_qpos = [int(self.model.joint(name).qposadr[0]) for name in FINGER_JOINTS]
        self._arm_ctrl = [int(self.model.actuator(name).id) for name in ARM_JOINTS]
        self._finger_ctrl = [int(self.model.actuator(name).id) for name in FINGER_JOINTS]
        self._finger_geoms = [int(self.model.geom(name).id) for name in FINGER_JOINTS]
        self._pinch = int(self.model.site("pinch").id)
        self._hand = int(self.model.body("hand").id)
        self._bodies = {
            self.model.body(index).name: index for index in range(int(self.model.nbody))
        }
        self._velocity = np.zeros(6)

    # -- queries ---------------------------------------------------------------------------

    @property
    def pinch(self) -> NDArray[np.float64]:
        """(3,) float64 m: the point between the finger tips, in the base frame."""
        return np.array(self.data.site_xpos[self._pinch])

    @property
    def pinch_velocity(self) -> NDArray[np.float64]:
        """(3,) float64 m/s: velocity of the pinch point in the base frame."""
        mujoco.mj_objectVelocity(
            self.model, self.data, mujoco.mjtObj.mjOBJ_SITE.value, self._pinch, self._velocity, 0
        )
        return self._velocity[3:].copy()

    @property
    def opening(self) -> float:
        """Distance between the finger pads, m, in [0, 0.08]."""
        return float(self.data.qpos[self._finger_qpos].sum())

    @property
    def grip_load(self) -> float:
        """Mean closing force of the fingers as a share of its limit, in [0, 1]."""
        force = -self.data.actuator_force[self._finger_ctrl].mean()
        return float(min(max(force / _GRIP_FORCE, 0.0), 1.0))

    def position(self, name: str) -> NDArray[np.float64]:
        """Return the (3,) float64 m position of a body in the base frame."""
        return np.array(self.data.xpos[self._bodies[name]])

    def velocity(self, name: str) -> NDArray[np.float64]:
        """Return the (3,) float64 m/s linear velocity of a body in the base frame."""
        mujoco.mj_objectVelocity(
            self.model,
            self.data,
            mujoco.mjtObj.mjOBJ_BODY.value,
            self._bodies[name],
            self._velocity,
            0,
        )
        return self._velocity[3:].copy()

    def rotation(self, name: str) -> NDArray[np.float64]:
        """Return the (3, 3) float64 rotation of a body: its axes in the base frame as columns."""
        return np.array(self.data.xmat[self._bodies[name]]).reshape(3, 3)

    def yaw(self, name: str) -> float:
        """Return the heading of a body's x axis about the vertical, rad."""
        matrix = self.data.xmat[self._bodies[name]]
        return math.atan2(float(matrix[3]), float(matrix[0]))

    def joint(self, name: str) -> float:
        """Return the position of a slide joint, m."""
        return float(self.data.joint(name).qpos[0])

    def joint_velocity(self, name: str) -> float:
        """Return the speed of a slide joint, m/s."""
        return float(self.data.joint(name).qvel[0])

    def finger_contacts(self, name: str) -> int:
        """Return how many of the two fingers touch a body."""
        contacts = self.data.contact.geom  # (C, 2)
        body = self._bodies[name]
        first = self.model.geom_bodyid[contacts[:, 0]] == body
        second = self.model.geom_bodyid[contacts[:, 1]] == body
        others = np.concatenate([contacts[first, 1], contacts[second, 0]])
        return sum(bool((others == geom).any()) for geom in self._finger_geoms)

    # -- placing ---------------------------------------------------------------------------

    def clear(self) -> None:
        """Put everything where the model has it, at rest."""
        mujoco.mj_resetData(self.model, self.data)

    def place_free(self, name: str, position: NDArray[np.float64], yaw: float = 0.0) -> None:
        """Place a free body at (3,) m with a heading, rad, at rest."""
        joint = self.data.joint(name)
        joint.qpos[:3] = position
        joint.qpos[3:] = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
        joint.qvel[:] = 0.0

    def place_fixture(self, name: str, position: NDArray[np.float64], yaw: float = 0.0) -> None:
        """Place a body that stands still at (3,) m with a heading, rad."""
        index = int(self.model.body_mocapid[self._bodies[name]])
        self.data.mocap_pos[index] = position
        self.data.mocap_quat[index] = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))

    def place_joint(self, name: str, value: float) -> None:
        """Set a slide joint, m, at rest."""
        self.data.joint(name).qpos[0] = value
        self.data.joint(name).qvel[0] = 0.0

    def place_hand(self, pinch: NDArray[np.float64], *, closed: bool) -> None:
        """Put the hand's pinch point at (3,) m, at rest, with open or closed fingers."""
        angles = inverse_kinematics(pinch)
        spread = 0.0 if closed else FINGER_RANGE
        self.data.qpos[self._arm_qpos] = angles
        self.data.qpos[self._finger_qpos] = spread
        self.data.ctrl[self._arm_ctrl] = angles
        self.data.ctrl[self._finger_ctrl] = spread
        self.hand_target = np.array(pinch, dtype=np.float64)

    def paint(self, geoms: tuple[str, ...], colour: str) -> None:
        """Give geoms a colour of the palette."""
        for geom in geoms:
            self.model.geom(geom).rgba[:3] = PALETTE[colour]

    # -- moving ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring positions, velocities and forces up to date without touching the solver."""
        mujoco.mj_fwdPosition(self.model, self.data)
        mujoco.mj_fwdVelocity(self.model, self.data)
        mujoco.mj_fwdActuation(self.model, self.data)

    def settle(self, duration: float) -> None:
        """Let the scene come to rest with the hand held where it is, for a duration in s."""
        mujoco.mj_step(self.model, self.data, nstep=round(duration / TIMESTEP))
        self.refresh()

    def move(
        self, displacement: NDArray[np.float64], closing: float, *, duration: float = CONTROL_DT
    ) -> None:
        """Move the hand for one control step, with joint targets that move evenly.

        The commanded place moves by the displacement, stays within the workspace and never runs
        further ahead of the hand than a few centimetres, so that pushing against something that
        does not give way does not wind up.

        Args:
            displacement: (3,) float64 m, in the base frame.
            closing: -1 opens the fingers fully, +1 closes them.
            duration: How long it takes, s; a multiple of the physics' time step.
        """
        pinch = self.pinch
        target = np.clip(self.hand_target + displacement, pinch - _LEAD, pinch + _LEAD)
        self.hand_target = np.clip(target, WORKSPACE_LOW, WORKSPACE_HIGH)
        goal = inverse_kinematics(self.hand_target)
        start = self.data.ctrl[self._arm_ctrl].copy()
        self.data.ctrl[self._finger_ctrl] = FINGER_RANGE * 0.5 * (1.0 - closing)
        pieces = round(duration / TIMESTEP)
        for piece in range(1, pieces + 1):
            self.data.ctrl[self._arm_ctrl] = start + (goal - start) * (piece / pieces)
            mujoco.mj_step(self.model, self.data)
        self.refresh()

    # -- state -----------------------------------------------------------------------------

    def state(self) -> NDArray[np.float64]:
        """Return the whole physical state, (S,) float64, commanded place included."""
        kind = int(mujoco.mjtState.mjSTATE_INTEGRATION)
        physics = np.empty(mujoco.mj_stateSize(self.model, kind))
        mujoco.mj_getState(self.model, self.data, physics, kind)
        return np.concatenate([physics, self.hand_target])

    def restore(self, state: NDArray[np.float64]) -> None:
        """Return to a state that :meth:`state` gave."""
        kind = int(mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_setState(self.model, self.data, np.ascontiguousarray(state[:-3]), kind)
        self.hand_target = np.array(state[-3:])
        self.refresh()
