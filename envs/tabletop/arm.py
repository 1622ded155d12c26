"""A five-joint arm with a parallel gripper that always points down, and its inverse kinematics.

Base yaw, shoulder, elbow and wrist pitch place the hand; the wrist pitch keeps it upright and the
wrist roll keeps it parallel to the base frame. The links are there to be seen: only the hand
touches things.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.cameras import WRIST_CAMERA, camera_xml

__all__ = [
    "ARM_JOINTS",
    "FINGER_HALF_WIDTH",
    "FINGER_JOINTS",
    "FINGER_RANGE",
    "TIP_BELOW_PINCH",
    "WORKSPACE_HIGH",
    "WORKSPACE_LOW",
    "arm_actuators",
    "arm_body",
    "arm_equalities",
    "inverse_kinematics",
]

ARM_JOINTS = ("yaw", "shoulder", "elbow", "pitch", "roll")
FINGER_JOINTS = ("finger_left", "finger_right")

WORKSPACE_LOW = np.array([0.25, -0.25, 0.018])  # (3,) m, pinch point in the base frame
WORKSPACE_HIGH = np.array([0.64, 0.25, 0.30])  # (3,) m

FINGER_RANGE = 0.04  # m, travel of each finger from the middle
FINGER_HALF_WIDTH = 0.012  # m, across the direction in which the fingers close
TIP_BELOW_PINCH = 0.012  # m, from the pinch point to the finger tips

_SHOULDER_HEIGHT = 0.30
_UPPER_ARM = 0.38
_FOREARM = 0.38
_TOOL = 0.17  # m, from the wrist down to the pinch point


def inverse_kinematics(pinch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the joint angles that bring the pinch point to a place.

    Two links in the vertical plane of the base yaw, elbow up, with the hand pointing down.

    Args:
        pinch: (3,) float64 m, in the base frame, within the workspace.

    Returns:
        (5,) float64 rad, in the order of ``ARM_JOINTS``.

    Raises:
        ValueError: If the place is out of the arm's reach.
    """
    x, y, z = (float(value) for value in pinch)
    yaw = math.atan2(y, x)
    radius = math.hypot(x, y)
    height = z + _TOOL - _SHOULDER_HEIGHT
    distance = math.hypot(radius, height)
    cosine = (_UPPER_ARM**2 + distance**2 - _FOREARM**2) / (2 * _UPPER_ARM * distance)
    if not -1.0 <= cosine <= 1.0:
        raise ValueError(
            f"`pinch` must lie within {_UPPER_ARM + _FOREARM} m of the shoulder, got "
            f"{distance:.3f} m; clip it to the workspace."
        )
    upper = math.atan2(height, radius) + math.acos(cosine)
    fore = math.atan2(height - _UPPER_ARM * math.sin(upper), radius - _UPPER_ARM * math.cos(upper))
    return np.array([yaw, -upper, upper - fore, fore, -yaw])


def arm_body() -> str:
    """Return the MJCF of the arm; joint axes and frames as :func:`inverse_kinematics` has them."""
    tip = -_TOOL - TIP_BELOW_PINCH
    half_length = 0.028
    fingers = "".join(
        f"""
        <body name="{name}" pos="0 {sign * 0.006} {tip + half_length}" gravcomp="1">
          <joint name="{name}" type="slide" axis="0 {sign} 0" range="0 {FINGER_RANGE}"
                 armature="0.2" damping="4"/>
          <geom name="{name}" type="box" size="{FINGER_HALF_WIDTH} 0.006 {half_length}" mass="0.03"
                contype="3" conaffinity="3" friction="1.6 0.02 0.001" condim="4"
                solref="0.008 1" rgba="0.13 0.13 0.15 1"/>
        </body>"""
        for name, sign in (("finger_left", 1), ("finger_right", -1))
    )
    return f"""
    <body name="base" gravcomp="1">
      <geom type="cylinder" size="0.07 0.10" pos="0 0 0.10" class="link" rgba="0.25 0.26 0.29 1"/>
      <body name="column" pos="0 0 {_SHOULDER_HEIGHT}" gravcomp="1">
        <joint name="yaw" axis="0 0 1" class="arm"/>
        <geom type="cylinder" size="0.055 0.075" pos="0 0 -0.035" class="link"/>
        <body name="upper_arm" gravcomp="1">
          <joint name="shoulder" axis="0 1 0" class="arm"/>
          <geom type="capsule" size="0.038" fromto="0 0 0 {_UPPER_ARM} 0 0" class="link"/>
          <body name="forearm" pos="{_UPPER_ARM} 0 0" gravcomp="1">
            <joint name="elbow" axis="0 1 0" class="arm"/>
            <geom type="capsule" size="0.030" fromto="0 0 0 {_FOREARM} 0 0" class="link"
                  rgba="0.80 0.81 0.83 1"/>
            <body name="wrist" pos="{_FOREARM} 0 0" gravcomp="1">
              <joint name="pitch" axis="0 1 0" class="arm"/>
              <geom type="capsule" size="0.026" fromto="0 0 0 0 0 -0.07" class="link"/>
              <body name="hand" gravcomp="1">
                <joint name="roll" axis="0 0 1" class="arm"/>
                <geom name="palm" type="box" size="0.018 0.050 0.014" pos="0 0 -0.108" mass="0.2"
                      contype="3" conaffinity="3" rgba="0.25 0.26 0.29 1"/>
                <site name="pinch" pos="0 0 {-_TOOL}" size="0.003" rgba="0 0 0 0"/>
                {camera_xml("wrist", WRIST_CAMERA)}{fingers}
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>"""


def arm_actuators() -> str:
    """Return the MJCF of the joint servos."""
    arm = "".join(
        f'<position name="{name}" joint="{name}" kp="4000" dampratio="1" forcerange="-80 80"/>'
        for name in ARM_JOINTS
    )
    fingers = "".join(
        f'<position name="{name}" joint="{name}" kp="800" dampratio="1" forcerange="-12 12"/>'
        for name in FINGER_JOINTS
    )
    return arm + fingers


def arm_equalities() -> str:
    """Return the MJCF that makes the fingers move as one."""
    return '<joint joint1="finger_left" joint2="finger_right" polycoef="0 1 0 0 0"/>'
