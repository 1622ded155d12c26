"""Camera poses and the matrices that go with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError

__all__ = [
    "CAMERAS",
    "WRIST_CAMERA",
    "CameraPose",
    "camera_axes",
    "camera_xml",
    "read_camera",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPose:
    """Where a fixed camera stands and what it looks at, in the base frame.

    Args:
        position: x, y, z of the camera, m.
        target: x, y, z of the point in the middle of the picture, m.
        fovy: Vertical field of view, degrees, in (0, 180).

    Raises:
        ConfigError: If the field of view is out of range or the camera stands on its target.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    fovy: float = 45.0

    def __post_init__(self) -> None:
        if not 0.0 < self.fovy < 180.0:
            raise ConfigError(f"`fovy` must lie in (0, 180) degrees, got {self.fovy}; try 45.")
        if math.dist(self.position, self.target) < 1e-6:
            raise ConfigError(
                f"`target` must differ from `position`, got {self.target} for both; "
                "give the point that the camera looks at."
            )


CAMERAS: dict[str, CameraPose] = {
    "front": CameraPose(position=(1.20, 0.0, 0.66), target=(0.44, 0.0, 0.09), fovy=34.0),
    "side": CameraPose(position=(0.46, -0.95, 0.42), target=(0.46, 0.0, 0.08), fovy=42.0),
    "top": CameraPose(position=(0.46, 0.0, 1.15), target=(0.461, 0.0, 0.0), fovy=34.0),
}
"""Cameras that stand still; ``wrist`` rides on the hand."""

WRIST_CAMERA = CameraPose(position=(0.085, 0.0, -0.085), target=(0.035, 0.0, -0.18), fovy=88.0)
"""In the frame of the hand, which is always parallel to the base frame."""


def camera_axes(pose: CameraPose) -> NDArray[np.float64]:
    """Return (3, 3) float64: x (right), y (up) and z (backwards) of an upright camera, in rows."""
    forward = np.subtract(pose.target, pose.position)
    forward = forward / np.linalg.norm(forward)
    up = np.array([0.0, 0.0, 1.0])
    if abs(forward @ up) > 0.999:  # straight down: the robot's forward points up in the picture
        up = np.array([-1.0, 0.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.array([right, np.cross(right, forward), -forward])


def camera_xml(name: str, pose: CameraPose) -> str:
    """Return the MJCF element of a camera, upright in the picture."""
    axes = " ".join(f"{value:.9g}" for value in camera_axes(pose)[:2].ravel())
    position = " ".join(f"{value:.9g}" for value in pose.position)
    return f'<camera name="{name}" pos="{position}" xyaxes="{axes}" fovy="{pose.fovy:.9g}"/>'


def read_camera(
    model: mujoco.MjModel, data: mujoco.MjData, name: str, image_size: tuple[int, int]
) -> Camera:
    """Return intrinsics and extrinsics of a camera of the model.

    Args:
        model: The model.
        data: Its state, with kinematics up to date.
        name: The camera's name.
        image_size: (height, width), pixels.

    Returns:
        The camera.
    """
    height, width = image_size
    focal = 0.5 * height / math.tan(math.radians(float(model.camera(name).fovy[0])) / 2)
    intrinsics = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    view = data.camera(name)
    rotation = np.diag([1.0, -1.0, -1.0]) @ view.xmat.reshape(3, 3).T
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = rotation
    extrinsics[:3, 3] = -rotation @ view.xpos
    return Camera(intrinsics=intrinsics, extrinsics=extrinsics, width=width, height=height)
