"""Names of the topics that the simulated robot speaks and listens on.

| Topic                      | Type                            | What it holds                    |
|----------------------------|---------------------------------|----------------------------------|
| /camera/<view>/image_raw   | sensor_msgs/msg/Image           | rgb8; 32FC1 (m) of depth views   |
| /camera/<view>/camera_info | sensor_msgs/msg/CameraInfo      | pinhole, no distortion           |
| /joint_states              | sensor_msgs/msg/JointState      | hand_x .. grip_load, arm, fingers|
| /hand_pose                 | geometry_msgs/msg/PoseStamped   | m, frame base                    |
| /objects/<role>            | geometry_msgs/msg/PointStamped  | m, frame base; target, grasp, …  |
| /task/observation          | std_msgs/msg/Float64MultiArray  | the suite's; names in the label  |
| /task/success              | std_msgs/msg/Bool               | the simulator's own, after dwell |
| /task/instruction          | std_msgs/msg/String, latched    | one sentence                     |
| /robot/ready               | std_msgs/msg/Bool, latched      | false while a reset goes on      |
| /clock                     | rosgraph_msgs/msg/Clock         | the time of all stamps           |
| /command/twist (in)        | geometry_msgs/msg/TwistStamped  | linear, m/s, frame base or ""    |
| /command/gripper (in)      | std_msgs/msg/Float64            | -1 open to 1 closed              |
| /emergency_stop (in)       | std_msgs/msg/Bool               | true stops, false releases       |
| /robot/reset (in)          | std_msgs/msg/Empty              | the next scene                   |
"""

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
