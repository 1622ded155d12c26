"""Two or three cameras around a table, for tests."""

from __future__ import annotations

import numpy as np

from kibble.rewards.cameras.camera import Camera

LENS = np.array([-0.3, 0.12, 8e-4, -5e-4, -0.02])
PLACES = {
    "front": ((1.2, 0.0, 0.66), (0.44, 0.0, 0.09)),
    "side": ((0.46, -0.95, 0.42), (0.46, 0.0, 0.08)),
    "corner": ((0.95, 0.6, 0.5), (0.45, 0.0, 0.05)),
}


def look(position, target, *, width=96, height=96, lens=None, focal=1.6):
    """Return a camera at a place that looks at another."""
    forward = np.subtract(target, position) / np.linalg.norm(np.subtract(target, position))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = turn
    extrinsics[:3, 3] = -turn @ position
    f = focal * height
    return Camera(
        intrinsics=np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1.0]]),
        extrinsics=extrinsics,
        width=width,
        height=height,
        distortion=np.empty(0) if lens is None else lens,
    )


def rig(lens=None, **arguments):
    """Return the cameras of PLACES."""
    return {name: look(*place, lens=lens, **arguments) for name, place in PLACES.items()}


def table_points(rng, *shape):
    """Draw points over the table, (*shape, 3) m."""
    return rng.uniform([0.3, -0.2, 0.0], [0.62, 0.2, 0.2], (*shape, 3))
