"""The part of a robot's file that says what commands are and how far they may go."""

from __future__ import annotations

import math

import numpy as np

from kibble.envs.robot.description import ActionDescription, Axis, Gripper, TeleopDescription
from kibble.envs.robot.message_path import MessagePath
from kibble.envs.robot.motion_limits import MotionLimits
from kibble.envs.robot.yaml_section import Section
from kibble.rewards.errors import ConfigError

__all__ = ["TWIST_AXES", "read_action", "read_teleop"]

TWIST_AXES = tuple(f"{part}.{axis}" for part in ("linear", "angular") for axis in "xyz")
"""Names of a twist's axes."""

_TYPES = {
    "twist": ("geometry_msgs/msg/TwistStamped", "geometry_msgs/msg/Twist"),
    "joint_velocity": ("std_msgs/msg/Float64MultiArray",),
    "joint_trajectory": ("trajectory_msgs/msg/JointTrajectory",),
}
_TOPICS = {
    "twist": "/command/twist",
    "joint_velocity": "/command/joint_velocity",
    "joint_trajectory": "/command/joint_trajectory",
}
_NEED_BOUNDS = ("linear.x", "linear.y", "linear.z")


def read_action(part: Section, *, control_dt: float, staleness: float) -> ActionDescription:
    """Read the section ``action``.

    Args:
        part: The section.
        control_dt: s between two actions.
        staleness: s after which a place is lost, where the section says nothing.

    Raises:
        ConfigError: If a key is unknown or missing, or a value out of range.
    """
    kind = part.one_of("type", tuple(_TYPES))
    topic = part.topic("topic", _TOPICS[kind])
    type_name = part.one_of("message", _TYPES[kind], _TYPES[kind][0])
    frame = part.text("frame", "base")
    axes, numbers = [], []
    for name, section in part.named("axes").items():
        axis, limits = _axis(name, section, kind)
        axes.append(axis)
        numbers.append(limits)
    speed, acceleration, low, high = np.array(numbers, np.float64).T
    place_topic = place_type = ""
    if any(axis.path for axis in axes):
        empty = Section({}, file=part.file, key=f"{part.key}.place")
        place = part.section("place") if part.has("place") else empty
        default = "/hand_pose" if kind == "twist" else "/joint_states"
        default_type = "geometry_msgs/msg/PoseStamped"
        if kind != "twist":
            default_type = "sensor_msgs/msg/JointState"
        place_topic, place_type = place.topic("topic", default), place.text("type", default_type)
        staleness = place.number("staleness", 0.01, 10.0, staleness, unit="s")
        place.end()
    watchdog = part.number("watchdog", 0.01, 10.0, 2.5 * control_dt, unit="s")
    if watchdog < 1.5 * control_dt:
        raise part.error(
            "watchdog", f"be at least 1.5 times `control_dt`, {1.5 * control_dt:g} s", watchdog
        )
    action = ActionDescription(
        kind=kind,  # type: ignore[arg-type]  # one of the words above
        topic=topic,
        type_name=type_name,
        frame=frame,
        axes=tuple(axes),
        limits=MotionLimits(
            speed=speed,
            acceleration=acceleration,
            low=low,
            high=high,
            watchdog=watchdog,
            staleness=staleness,
            lag=part.number("lag", 0.0, 5.0, 0.1, unit="s"),
        ),
        place_topic=place_topic,
        place_type=place_type,
        gripper=_gripper(part),
        ahead=part.number("ahead", 0.01, 5.0, 2.0 * control_dt, unit="s"),
    )
    part.end()
    return action


def read_teleop(part: Section, action: ActionDescription) -> TeleopDescription:
    """Read the section ``teleop``.

    Raises:
        ConfigError: If a key is unknown or a value out of range.
    """
    twist = action.kind == "twist"
    kind = action.type_name if twist else _TYPES["joint_velocity"][0]
    teleop = TeleopDescription(
        topic=part.topic("topic", "/teleop/twist" if twist else "/teleop/joint_velocity"),
        type_name=part.one_of("message", _TYPES["twist"], kind) if twist else kind,
        gripper=part.topic("gripper", "/teleop/gripper") if action.gripper else "",
    )
    part.end()
    return teleop


def _axis(name: str, part: Section, kind: str) -> tuple[Axis, tuple[float, float, float, float]]:
    """Return an axis, and its speed, acceleration, low and high."""
    if kind == "twist" and name not in TWIST_AXES:
        raise part.error("", f"be one of {', '.join(TWIST_AXES)} by name", name)
    speed = part.number("speed", 1e-6, 100.0)
    acceleration = math.inf
    if part.has("acceleration"):
        acceleration = part.number("acceleration", 1e-6, 1e6)
    if not part.has("low") and not part.has("high"):
        if kind != "twist" or name in _NEED_BOUNDS:
            raise part.error("low", "be given, and `high` too", None, "no axis may go anywhere.")
        part.end()
        return Axis(name=name, path=""), (speed, acceleration, -math.inf, math.inf)
    low, high = part.number("low", -1e6, 1e6), part.number("high", -1e6, 1e6)
    if not low < high:
        raise part.error("high", f"be greater than `low`, {low:g}", high)
    default = f"pose.position.{name[-1]}" if name in _NEED_BOUNDS else f"position[{name}]"
    path = part.text("path", default)
    try:
        MessagePath(path)
    except ConfigError as error:
        raise part.error("path", "be a place in the message", path, str(error)) from error
    part.end()
    return Axis(name=name, path=path), (speed, acceleration, low, high)


def _gripper(part: Section) -> Gripper | None:
    if not part.has("gripper"):
        return None
    section = part.section("gripper")
    gripper = Gripper(
        topic=section.topic("topic", "/command/gripper"),
        opened=section.number("opened", -1e6, 1e6, -1.0),
        closed=section.number("closed", -1e6, 1e6, 1.0),
    )
    section.end()
    return gripper
