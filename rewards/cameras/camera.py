"""The calibrated camera: a pinhole with a lens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.distortion import check_distortion, distort, undistort
from kibble.rewards.errors import ConfigError

__all__ = ["Camera"]

_ROTATION_TOLERANCE = 1e-3  # what four decimals in a file leave
_NEAREST = 1e-6  # m before the camera that a point must be


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """A camera at the present moment.

    A point p in the base frame lies at (x, y, z) = (extrinsics @ (p, 1))[:3] in the camera frame
    and, with the lens that moves (x / z, y / z) to (x', y'), at pixel
    (u, v, 1) = intrinsics @ (x', y', 1). u grows to the right and v downwards, and the first pixel
    covers [0, 1) x [0, 1); OpenCV and ROS count from the first pixel's centre, which makes
    their u and v smaller by a half.

    Args:
        intrinsics: (3, 3) float64, pixels.
        extrinsics: (4, 4) float64, base frame to camera frame (x right, y down, z forward), m.
        width: Width of the picture, pixels.
        height: Height of the picture, pixels.
        distortion: Coefficients of the lens, none for none.
        distortion_model: ``plumb_bob``, ``rational_polynomial`` or ``equidistant``.

    Raises:
        ConfigError: If a matrix has the wrong shape, is singular or not finite, the extrinsics
            are no rotation and translation, the size is not positive, or the distortion does not
            fit its model.
    """

    intrinsics: NDArray[np.float64]
    extrinsics: NDArray[np.float64]
    width: int
    height: int
    distortion: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    distortion_model: str = "plumb_bob"

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1:
            raise ConfigError(
                f"`width` and `height` must be at least 1 pixel, got {self.width} x {self.height}."
            )
        _check_intrinsics(self.intrinsics)
        _check_extrinsics(self.extrinsics)
        check_distortion(self.distortion_model, self.distortion)

    @property
    def centre(self) -> NDArray[np.float64]:
        """(3,) float64 m: where the camera stands in the base frame."""
        rotation, offset = self.extrinsics[:3, :3], self.extrinsics[:3, 3]
        return -np.linalg.inv(rotation) @ offset

    def depths(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (...) m along the camera's z axis of (..., 3) points, negative behind it."""
        z: NDArray[np.float64] = points @ self.extrinsics[2, :3] + self.extrinsics[2, 3]
        return z

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Project points into the picture, or beside it.

        Args:
            points: (..., 3) m in the base frame.

        Returns:
            (..., 2) float64 pixels (u, v); NaN for points behind the camera, that are not finite,
            or where the lens model folds back.
        """
        in_camera = points @ self.extrinsics[:3, :3].T + self.extrinsics[:3, 3]  # (..., 3)
        z = in_camera[..., 2:]
        flat = in_camera[..., :2] / np.where(z > _NEAREST, z, np.nan)
        seen = distort(flat, self.distortion, model=self.distortion_model)
        return seen @ self.intrinsics[:2, :2].T + self.intrinsics[:2, 2]

    def rays(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the directions in which pixels look.

        Args:
            pixels: (..., 2) (u, v).

        Returns:
            (..., 3) float64 in the base frame, of length 1 m along the camera's z axis, so that a
            pixel whose depth is d shows the point ``camera.centre + d * ray``; NaN where the lens
            shows nothing at a pixel.
        """
        return self.towards(self.flat(pixels))

    def towards(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (..., 3) rays, as :meth:`rays` does, of what :meth:`flat` gave."""
        in_camera = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
        directions: NDArray[np.float64] = in_camera @ np.linalg.inv(self.extrinsics[:3, :3]).T
        return directions

    def flat(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (..., 2) x / z and y / z in the camera frame of (..., 2) pixels."""
        inverse = np.linalg.inv(self.intrinsics[:2, :2])
        seen = (np.asarray(pixels, np.float64) - self.intrinsics[:2, 2]) @ inverse.T
        return undistort(seen, self.distortion, model=self.distortion_model)

    def inside(self, pixels: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return (...) bool of (..., 2) pixels: whether they lie in the picture; NaN does not."""
        u, v = pixels[..., 0], pixels[..., 1]
        within: NDArray[np.bool_] = (u >= 0) & (u < self.width) & (v >= 0) & (v < self.height)
        return within

    def scaled(self, size: tuple[int, int]) -> Camera:
        """Return the camera of the same picture resized to (height, width) pixels.

        The whole picture is kept: with another ratio of the sides it is stretched.
        """
        height, width = size
        stretch = np.diag([width / self.width, height / self.height, 1.0])
        return replace(self, intrinsics=stretch @ self.intrinsics, width=width, height=height)


def _check_intrinsics(matrix: NDArray[np.float64]) -> None:
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ConfigError(
            f"`intrinsics` must be a finite (3, 3) matrix, got {np.asarray(matrix).tolist()}."
        )
    if not np.array_equal(matrix[2], [0.0, 0.0, 1.0]) or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise ConfigError(
            "`intrinsics` must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with focal lengths above "
            f"0 (pixels), got {matrix.tolist()}; a singular camera sees nothing."
        )
    if matrix[1, 0] != 0.0:
        raise ConfigError(f"`intrinsics` must be upper triangular, got {matrix.tolist()}.")


def _check_extrinsics(matrix: NDArray[np.float64]) -> None:
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ConfigError(
            f"`extrinsics` must be a finite (4, 4) matrix, got {np.asarray(matrix).tolist()}."
        )
    rotation = matrix[:3, :3]
    skewed = np.abs(rotation @ rotation.T - np.eye(3)).max()
    turned = np.linalg.det(rotation) > 0
    if skewed > _ROTATION_TOLERANCE or not turned or not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise ConfigError(
            "`extrinsics` must be a rotation and a translation in m above the row (0, 0, 0, 1), "
            f"got {matrix.tolist()}, whose rotation is off by {skewed:.2g}"
            f"{'' if turned else ' and mirrors'}; it maps the base frame to the camera frame."
        )
