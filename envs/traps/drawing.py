"""Pictures of grid worlds: a blue robot, a green goal, and what leads astray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kibble.envs.traps.layout import BELTS, Cell, Layout

__all__ = ["draw"]

Colour = tuple[int, int, int]
Point = tuple[float, float]
FLOOR, GRID, LIT = (236, 233, 226), (222, 218, 209), (255, 205, 64)
WALL, PAPER = (70, 75, 86), (250, 250, 250)
ROBOT, EYES, GREEN = (38, 92, 214), (255, 255, 255), (24, 150, 66)
PIT, DANGER = (28, 24, 24), (206, 44, 44)
BELT, ARROW = (205, 200, 214), (140, 130, 160)
_SMOOTH = 4  # drawn so much larger, then reduced


def draw(layout: Layout, robot: Cell | None, *, cell: int) -> NDArray[np.uint8]:
    """Draw the world with the robot in one of its cells.

    A flag stands above the robot that reaches it; a pad disappears under it.

    Args:
        layout: The world.
        robot: Row and column, or ``None`` to leave the robot out.
        cell: Side of a cell in pixels.

    Returns:
        (rows * cell, columns * cell, 3) uint8 RGB.
    """
    height, width = layout.size
    side = cell * _SMOOTH
    image = Image.new("RGB", (width * side, height * side), WALL)
    pen = ImageDraw.Draw(image)
    for r in range(height):
        for c in range(width):
            _draw_ground(pen, layout.sign((r, c)), (c * side, r * side), side)
    if robot is not None:
        _draw_robot(pen, (robot[1] * side, robot[0] * side), side)
        if layout.sign(robot) == "G":
            _draw_flag(pen, (robot[1] * side, robot[0] * side), side)
    return np.asarray(image.reduce(_SMOOTH), np.uint8)


def _draw_ground(pen: ImageDraw.ImageDraw, sign: str, corner: Point, side: int) -> None:
    x, y = corner
    box = (x, y, x + side - 1, y + side - 1)
    if sign == "#":
        return
    if sign == "F":
        inset = side * 0.08
        pen.rectangle((x + inset, y + inset, x + side - inset, y + side - inset), fill=PAPER)
        _draw_flag(pen, corner, side)
        return
    fill = {"*": LIT, "X": PIT}.get(sign, BELT if sign in BELTS else FLOOR)
    pen.rectangle(box, fill=fill, outline=GRID, width=max(1, side // 24))
    if sign == "X":
        for a, b in (((0.22, 0.22), (0.78, 0.78)), ((0.22, 0.78), (0.78, 0.22))):
            ends = [_at(corner, side, *a), _at(corner, side, *b)]
            pen.line(ends, fill=DANGER, width=max(1, side // 9))
    elif sign in BELTS:
        _draw_arrow(pen, BELTS[sign], corner, side)
    elif sign == "G":
        _draw_flag(pen, corner, side)
    elif sign == "P":
        pen.ellipse((*_at(corner, side, 0.16, 0.16), *_at(corner, side, 0.84, 0.84)), fill=GREEN)


def _draw_robot(pen: ImageDraw.ImageDraw, corner: Point, side: int) -> None:
    pen.ellipse((*_at(corner, side, 0.1, 0.1), *_at(corner, side, 0.9, 0.9)), fill=ROBOT)
    for x in (0.36, 0.64):
        low, high = _at(corner, side, x - 0.09, 0.4), _at(corner, side, x + 0.09, 0.62)
        pen.ellipse((*low, *high), fill=EYES)


def _draw_flag(pen: ImageDraw.ImageDraw, corner: Point, side: int) -> None:
    """A pole with a pennant in the upper half, where a robot below leaves it to be seen."""
    pole = [_at(corner, side, 0.3, 0.08), _at(corner, side, 0.3, 0.92)]
    pen.line(pole, fill=GREEN, width=max(1, side // 8))
    pennant = [_at(corner, side, 0.3, 0.06), _at(corner, side, 0.9, 0.28)]
    pen.polygon([*pennant, _at(corner, side, 0.3, 0.5)], fill=GREEN)


def _draw_arrow(pen: ImageDraw.ImageDraw, along: Cell, corner: Point, side: int) -> None:
    dy, dx = along
    tips = [(0.25, 0.0), (-0.12, -0.24), (-0.12, 0.24)]
    points = [_at(corner, side, 0.5 + f * dx - s * dy, 0.5 + f * dy + s * dx) for f, s in tips]
    pen.polygon(points, fill=ARROW)


def _at(corner: Point, side: int, x: float, y: float) -> Point:
    return corner[0] + x * side, corner[1] + y * side
