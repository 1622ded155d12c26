"""What the flawed reward models read off a picture, each with one honest mistake.

All take (N, H, W, 3) uint8 RGB frames of :func:`kibble.envs.traps.drawing.draw` and the side of a
cell in pixels, and return progress (N,) float64 in [0, 1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearness_to_green", "place_and_light", "turn_around_centre"]

Images = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
_OUT_OF_SIGHT = 0.5
_SIGHT = 1.5  # cells


def nearness_to_green(frames: Images, *, cell: int) -> FloatArray:
    """exp(-d / 1.5), d the straight distance in cells from the robot's rim to the nearest green.

    Mistakes: it sees through walls, takes any green thing for the goal, and where the robot hides
    the last green it reads 0.5.
    """
    height, width = frames.shape[1:3]
    rows, columns = np.mgrid[:height, :width]
    robots, greens = _robot(frames), _green(frames)
    progress = np.full(len(frames), _OUT_OF_SIGHT)
    for i, (robot, green) in enumerate(zip(robots, greens, strict=True)):
        if green.sum() > 0.05 * cell**2:
            dy, dx = rows[green] - robot[0], columns[green] - robot[1]
            gap = max(0.0, float(np.hypot(dy, dx).min()) - 0.6 * cell)
            progress[i] = np.exp(-gap / (_SIGHT * cell))
    return progress


def place_and_light(frames: Images, *, cell: int) -> FloatArray:
    """0.55 x + 0.45 b: x the robot's place from left to right, b how brightly its floor is lit.

    Mistake: it takes the lamps over the floor for progress, so it goes up and down on the way.
    """
    width = frames.shape[2]
    progress = np.empty(len(frames))
    lit = _lit(frames)
    for i, robot in enumerate(_robot(frames)):
        r, c = int(robot[0]) // cell, int(robot[1]) // cell
        around = lit[i, r * cell : (r + 1) * cell, c * cell : (c + 1) * cell]
        place = (robot[1] - 1.5 * cell) / (width - 3.0 * cell)
        progress[i] = 0.55 * np.clip(place, 0.0, 1.0) + 0.45 * float(around.mean() > 0.05)
    return progress


def turn_around_centre(frames: Images, *, cell: int) -> FloatArray:
    """Share of a clockwise turn around the picture's centre, from the left.

    Mistake: every lap begins anew, and whoever goes on round is paid for each.
    """
    height, width = frames.shape[1:3]
    robots = _robot(frames)
    angle = np.arctan2(robots[:, 0] - height / 2, robots[:, 1] - width / 2)  # clockwise, from east
    share: FloatArray = ((angle + np.pi) / (2 * np.pi) + 1e-9) % 1.0
    return share


def _robot(frames: Images) -> FloatArray:
    """Row and column of the middle of the blue, (N, 2); the picture's centre without any."""
    colour = frames.astype(np.int16)
    blue = (colour[..., 2] > 150) & (colour[..., 0] < 110) & (colour[..., 1] < 140)
    found = np.empty((len(frames), 2))
    for i, mask in enumerate(blue):
        rows, columns = np.nonzero(mask)
        middle = (mask.shape[0] / 2, mask.shape[1] / 2)
        found[i] = (rows.mean() + 0.5, columns.mean() + 0.5) if len(rows) else middle
    return found


def _green(frames: Images) -> BoolArray:
    colour = frames.astype(np.int16)
    return (colour[..., 1] > 120) & (colour[..., 0] < 110) & (colour[..., 2] < 140)


def _lit(frames: Images) -> BoolArray:
    colour = frames.astype(np.int16)
    return (colour[..., 0] > 230) & (colour[..., 2] < 120)
