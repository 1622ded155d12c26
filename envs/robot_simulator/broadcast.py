"""The topics that the simulated robot publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot_simulator import messages, topics
from kibble.envs.robot_simulator.simulated_robot import RobotState
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR, STATE
from kibble.rewards.ros.transport import Publisher, Transport

__all__ = ["Broadcast"]


@final
class Broadcast:
    """Advertises every topic of the robot at once, and publishes on them.

    Args:
        transport: The robot's node.
        views: Views that are filmed.
        objects: Names of the objects whose places are told.
        names: Names of the numbers of the suite's observation.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        views: Sequence[str],
        objects: Sequence[str],
        names: Sequence[str],
    ) -> None:
        self._names = tuple(names)
        point, pose = "geometry_msgs/msg/PointStamped", "geometry_msgs/msg/PoseStamped"
        self._joints = transport.advertise(
            topics.JOINT_STATES, "sensor_msgs/msg/JointState", qos=STATE
        )
        self._pose = transport.advertise(topics.HAND_POSE, pose, qos=STATE)
        self._objects = {
            name: transport.advertise(topics.object_topic(name), point, qos=STATE)
            for name in objects
        }
        self._observation = transport.advertise(
            topics.OBSERVATION, "std_msgs/msg/Float64MultiArray", qos=STATE
        )
        self._success = transport.advertise(topics.SUCCESS, "std_msgs/msg/Bool", qos=STATE)
        self._clock = transport.advertise(topics.CLOCK, "rosgraph_msgs/msg/Clock", qos=COMMAND)
        self._instruction = transport.advertise(
            topics.INSTRUCTION, "std_msgs/msg/String", qos=LATCHED
        )
        self._ready = transport.advertise(topics.READY, "std_msgs/msg/Bool", qos=LATCHED)
        self._cameras: dict[str, tuple[Publisher, Publisher]] = {
            view: (
                transport.advertise(topics.image_topic(view), "sensor_msgs/msg/Image", qos=SENSOR),
                transport.advertise(
                    topics.camera_info_topic(view), "sensor_msgs/msg/CameraInfo", qos=SENSOR
                ),
            )
            for view in views
        }

    def state(self, state: RobotState, *, stamp: int) -> None:
        """Publish what the robot feels and what a detector would tell, and the time."""
        self._clock.publish(messages.clock_fields(stamp))
        self._joints.publish(
            messages.joint_state_fields(
                state.names, state.positions, state.velocities, stamp=stamp
            )
        )
        self._pose.publish(messages.pose_fields(state.pinch, state.orientation_wxyz, stamp=stamp))
        for name, place in state.objects.items():
            self._objects[name].publish(messages.point_fields(place, stamp=stamp))
        self._observation.publish(messages.numbers_fields(self._names, state.observation))
        self._success.publish({"data": state.success})

    def instruction(self, sentence: str) -> None:
        """Publish what the robot is asked for."""
        self._instruction.publish({"data": sentence})

    def ready(self, ready: bool) -> None:
        """Publish whether the scene is set and the robot may move."""
        self._ready.publish({"data": ready})

    def picture(self, view: str, frame: NDArray[np.uint8], camera: Camera, *, stamp: int) -> None:
        """Publish a view's (H, W, 3) uint8 frame, RGB or packed depth, and its calibration."""
        image, info = self._cameras[view]
        frame_id = f"camera_{view}"
        encoding = "32FC1" if view.endswith(DEPTH_SUFFIX) else "rgb8"
        image.publish(encode(frame, stamp=stamp, frame_id=frame_id, encoding=encoding))
        info.publish(messages.camera_info_fields(camera, frame_id=frame_id, stamp=stamp))
