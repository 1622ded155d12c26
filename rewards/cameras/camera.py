"""The pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Camera"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera at the present moment.

    A point p in the base frame falls on pixel (u, v) = (a / c, b / c) with
    (a, b, c) = intrinsics @ (extrinsics @ (p, 1))[:3]; u grows to the right and v downwards, and
    the first pixel covers [0, 1) x [0, 1).

    Args:
        intrinsics: (3, 3) float64, pixels.
        extrinsics: (4, 4) float64, base frame to camera frame (x right, y down, z forward), m.
        width: Width of the picture, pixels.
        height: Height of the picture, pixels.
    """

    intrinsics: NDArray[np.float64]
    extrinsics: NDArray[np.float64]
    width: int
    height: int

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Project (N, 3) points of the base frame, m, to (N, 2) pixel coordinates (u, v)."""
        homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)  # (N, 4)
        in_camera = homogeneous @ self.extrinsics.T  # (N, 4)
        in_image = in_camera[:, :3] @ self.intrinsics.T  # (N, 3)
        pixels: NDArray[np.float64] = in_image[:, :2] / in_image[:, 2:]
        return pixels
