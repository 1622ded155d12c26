"""Names of the topics that the simulated robot speaks and listens on."""

from __future__ import annotations

__all__ = [
    "CLOCK",
    "EMERGENCY_STOP",
    "GRIPPER",
    "HAND_POSE",
    "INSTRUCTION",
    "JOINT_STATES",
    "OBSERVATION",
    "READY",
    "RESET",
    "SUCCESS",
    "TWIST",
    "camera_info_topic",
    "image_topic",
    "object_topic",
]

JOINT_STATES = "/joint_states"
HAND_POSE = "/hand_pose"
OBSERVATION = "/task/observation"
SUCCESS = "/task/success"
INSTRUCTION = "/task/instruction"
READY = "/robot/ready"
CLOCK = "/clock"
TWIST = "/command/twist"
GRIPPER = "/command/gripper"
EMERGENCY_STOP = "/emergency_stop"
RESET = "/robot/reset"


def image_topic(view: str) -> str:
    """Return the topic of a view's pictures."""
    return f"/camera/{view}/image_raw"


def camera_info_topic(view: str) -> str:
    """Return the topic of a view's calibration."""
    return f"/camera/{view}/camera_info"


def object_topic(name: str) -> str:
    """Return the topic of an object's place."""
    return f"/objects/{name}"
