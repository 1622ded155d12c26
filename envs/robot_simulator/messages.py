"""What the simulated robot publishes, as fields of ROS messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields

__all__ = [
    "BASE_FRAME",
    "camera_info_fields",
    "clock_fields",
    "joint_state_fields",
    "numbers_fields",
    "point_fields",
    "pose_fields",
]

BASE_FRAME = "base"
"""Name of the frame that places and velocities are in."""


def joint_state_fields(
    names: Sequence[str],
    positions: NDArray[np.float64],
    velocities: NDArray[np.float64],
    *,
    stamp: int,
) -> Fields:
    """Return a ``sensor_msgs/msg/JointState`` of (J,) positions and (J,) velocities.

    Args:
        names: J names.
        positions: In what each entry is in.
        velocities: The same per s.
        stamp: ns since the epoch.
    """
    return {
        "header": _header(stamp),
        "name": list(names),
        "position": positions,
        "velocity": velocities,
    }


def pose_fields(
    position: NDArray[np.float64], orientation_wxyz: NDArray[np.float64], *, stamp: int
) -> Fields:
    """Return a ``geometry_msgs/msg/PoseStamped`` of a (3,) m place and a (4,) quaternion."""
    w, x, y, z = (float(value) for value in orientation_wxyz)
    return {
        "header": _header(stamp),
        "pose": {"position": _point(position), "orientation": {"x": x, "y": y, "z": z, "w": w}},
    }


def point_fields(position: NDArray[np.float64], *, stamp: int) -> Fields:
    """Return a ``geometry_msgs/msg/PointStamped`` of a (3,) m place."""
    return {"header": _header(stamp), "point": _point(position)}


def numbers_fields(names: Sequence[str], values: NDArray[np.float64]) -> Fields:
    """Return a ``std_msgs/msg/Float64MultiArray`` whose one dimension is labelled by all names."""
    size = len(values)
    dimension = {"label": ",".join(names), "size": size, "stride": size}
    return {"layout": {"dim": [dimension], "data_offset": 0}, "data": values}


def camera_info_fields(camera: Camera, *, frame_id: str, stamp: int) -> Fields:
    """Return a ``sensor_msgs/msg/CameraInfo``; pixels count from the first one's centre there.

    Args:
        camera: The camera.
        frame_id: The camera's frame.
        stamp: Of the picture that it belongs to, ns since the epoch.
    """
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2, 2] -= 0.5
    coefficients = camera.distortion if len(camera.distortion) else np.zeros(5)
    return {
        "header": _header(stamp, frame_id),
        "height": camera.height,
        "width": camera.width,
        "distortion_model": camera.distortion_model,
        "d": coefficients,
        "k": intrinsics.ravel(),
        "r": np.eye(3).ravel(),
        "p": np.hstack([intrinsics, np.zeros((3, 1))]).ravel(),
    }


def clock_fields(now: int) -> Fields:
    """Return a ``rosgraph_msgs/msg/Clock`` of ns since the epoch."""
    return {"clock": stamp_fields(now)}


def _header(stamp: int, frame_id: str = BASE_FRAME) -> Fields:
    return {"stamp": stamp_fields(stamp), "frame_id": frame_id}


def _point(position: NDArray[np.float64]) -> Fields:
    x, y, z = (float(value) for value in position)
    return {"x": x, "y": y, "z": z}
