"""A calibration drawn into a picture: whether it is right can be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kibble.rewards.cameras.camera import Camera

__all__ = ["draw_check"]

_STEP = 0.1  # m between the lines of the grid
_REACH = 0.8  # m from the base that is drawn, to every side
_PIECES = 40  # a line bends with the lens
_SHORTER_SIDE = 480  # pixels that a small picture is enlarged to
_GRID, _EDGE = (255, 255, 255), (20, 24, 32)
_AXES = {"x": (235, 70, 60), "y": (60, 190, 80), "z": (70, 120, 255)}
_CLICKED, _SHOWN = (255, 220, 0), (255, 60, 200)


def draw_check(
    picture: NDArray[np.uint8],
    camera: Camera,
    *,
    points: NDArray[np.float64],
    pixels: NDArray[np.float64],
    surface: float,
) -> NDArray[np.uint8]:
    """Draw what a camera takes a picture for.

    White: lines on the table every 10 cm, with x and y every 20 cm. Red, green and blue: 10 cm of
    x, y and z from the crossing in the middle. Yellow crosses: where points were
    clicked. Pink circles: where the camera says that they are.

    Args:
        picture: (H, W, 3) uint8 RGB.
        camera: The camera of that picture.
        points: (M, 3) m in the base frame; M may be 0.
        pixels: (M, 2) where they were clicked.
        surface: Height of the table, m.

    Returns:
        (H', W', 3) uint8 RGB, enlarged if it was small.
    """
    factor = max(1, -(-_SHORTER_SIDE // min(picture.shape[:2])))
    size = (camera.width * factor, camera.height * factor)
    image = Image.fromarray(picture).resize(size, Image.Resampling.NEAREST)
    large = camera.scaled((size[1], size[0]))
    draw = ImageDraw.Draw(image)
    count = round(_REACH / _STEP)
    steps = np.arange(-count, count + 1)
    ticks = _STEP * steps  # m
    for tick in ticks:
        _line(draw, large, (tick, -_REACH, surface), (tick, _REACH, surface), _GRID, 1)
        _line(draw, large, (-_REACH, tick, surface), (_REACH, tick, surface), _GRID, 1)
    crossings = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    crossings = np.append(crossings, np.full((len(crossings), 1), surface), axis=1)
    seen = large.inside(large.project(crossings))
    numbered = np.stack(np.meshgrid(steps % 2 == 0, steps % 2 == 0), axis=-1).reshape(-1, 2)
    for x, y, z in crossings[seen & numbered.all(axis=1)]:
        _write(draw, large, np.array([x, y, z]), f"{x + 0.0:.1f}, {y + 0.0:.1f}")
    if seen.any():
        about = (points if len(points) else crossings[seen]).mean(axis=0)
        middle = crossings[seen][np.abs(crossings[seen] - about).sum(axis=1).argmin()]
        for name, axis in zip(_AXES, np.eye(3), strict=True):
            _line(draw, large, middle, middle + _STEP * axis, _AXES[name], 4)
            _write(draw, large, middle + 1.2 * _STEP * axis, name)
    for u, v in pixels * factor:
        for width, colour in ((5, _EDGE), (2, _CLICKED)):
            draw.line([(u - 9, v), (u + 9, v)], fill=colour, width=width)
            draw.line([(u, v - 9), (u, v + 9)], fill=colour, width=width)
    for number, (u, v) in enumerate(large.project(points)):
        if np.isfinite([u, v]).all():
            draw.ellipse([(u - 8, v - 8), (u + 8, v + 8)], outline=_EDGE, width=4)
            draw.ellipse([(u - 7, v - 7), (u + 7, v + 7)], outline=_SHOWN, width=2)
            _text(draw, (u + 9, v - 22), str(number), colour=_SHOWN, size=18)
    return np.asarray(image)


def _line(
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    start: tuple[float, float, float] | NDArray[np.float64],
    end: tuple[float, float, float] | NDArray[np.float64],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    shares = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    pixels = camera.project((1 - shares) * np.asarray(start) + shares * np.asarray(end))
    known: NDArray[np.bool_] = np.all(np.abs(pixels) < 1e4, axis=1)  # NaN is not
    for i in np.flatnonzero(known[:-1] & known[1:]):
        draw.line([tuple(pixels[i]), tuple(pixels[i + 1])], fill=colour, width=width)


def _write(
    draw: ImageDraw.ImageDraw, camera: Camera, point: NDArray[np.float64], text: str
) -> None:
    u, v = camera.project(point)
    if camera.inside(np.array([u, v])):
        _text(draw, (u + 3, v + 2), text)


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    colour: tuple[int, int, int] = _GRID,
    size: int = 11,
) -> None:
    draw.text(place, text, fill=colour, stroke_fill=_EDGE, stroke_width=2, font_size=size)
