"""A camera picture with marks, a grid and a ruler, as it is shown to a language model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.height_lines import HeightLine
from kibble.rewards.keypoints.prompting.placement import Box, place_labels
from kibble.rewards.keypoints.prompting.tiles import Tiles

__all__ = ["Annotated", "Mark", "annotate"]

_WHITE, _BLACK, _PAPER = (255, 255, 255), (0, 0, 0), (24, 24, 28)
_RULER = (120, 255, 255)
_SMALLEST = 160  # pixels; below it labels are larger than things


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a picture with a name.

    Args:
        label: What stands beside it.
        pixel: (u, v) in pixels of the camera's frame.
        colour: RGB of its ring.
    """

    label: str
    pixel: tuple[float, float]
    colour: tuple[int, int, int] = _WHITE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotated:
    """A picture with what was drawn on it.

    Args:
        pixels: (H', W', 3) uint8 RGB, with margins for letters and numbers.
        picture: Where the camera's frame lies in it.
        boxes: Label to its box; marks that found no place for theirs are not shown.
        marks: Label to (x, y) of the mark's middle, pixels of ``pixels``.
    """

    pixels: NDArray[np.uint8]
    picture: Box
    boxes: Mapping[str, Box]
    marks: Mapping[str, tuple[float, float]]


def annotate(
    frame: NDArray[np.uint8],
    *,
    size: int = 448,
    caption: str = "",
    marks: Sequence[Mark] = (),
    things: NDArray[np.bool_] | None = None,
    tiles: Tiles | None = None,
    lines: Sequence[HeightLine] = (),
) -> Annotated:
    """Draw marks, a grid and a ruler over a frame; labels lie beside what they name.

    Args:
        frame: (H, W, 3) uint8 RGB; not changed.
        size: Pixels of the longer side of the frame in the outcome, at least 160.
        caption: Name of the view, above it; "" for none.
        marks: Points with different labels, the most important first.
        things: (H, W) bool: what labels may not cover besides marks; ``None`` for nothing.
        tiles: Grid whose letters and numbers stand in the margins.
        lines: Lines of a ruler for heights, whose names stand in the right margin; where two
            names would lie over each other the later line is left out.

    Returns:
        The picture.

    Raises:
        ConfigError: If the size is below 160, two labels are equal, or a mark lies outside.
    """
    if size < _SMALLEST:
        raise ConfigError(f"`size` must be at least {_SMALLEST} pixels, got {size}; 448 is usual.")
    _check_marks(marks, frame.shape[:2])
    height, width = frame.shape[:2]
    scale = size / max(height, width)
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    font = ImageFont.load_default(max(11.0, round(size / 30)))
    line_height = _text_size(font, "0")[1] + 4
    picture = Box(
        left=line_height if tiles is not None else 0,
        top=line_height + 2 if caption else 0,
        width=shown[0],
        height=shown[1],
    )
    right = 2 * line_height if lines else 0
    bottom = line_height if tiles is not None else 0
    canvas = Image.new("RGB", (picture.right + right, picture.bottom + bottom), _PAPER)
    image = Image.fromarray(frame).resize(shown, Image.Resampling.BICUBIC)
    canvas.paste(image, (picture.left, picture.top))
    draw = ImageDraw.Draw(canvas, "RGBA")
    if caption:
        draw.text((picture.left + 3, 2), caption, font=font, fill=_WHITE, anchor="lt")
    if tiles is not None:
        _draw_grid(draw, tiles, picture, font)
    for line in _apart(lines, (line_height - 2) / scale):
        _draw_ruler(draw, line, picture, scale, font)
    boxes, places = _draw_marks(draw, marks, things, picture, scale, font)
    return Annotated(pixels=np.asarray(canvas), picture=picture, boxes=boxes, marks=places)


def _check_marks(marks: Sequence[Mark], size: tuple[int, ...]) -> None:
    labels = [mark.label for mark in marks]
    if len(set(labels)) != len(labels):
        raise ConfigError(f"Marks must have different labels, got {labels}.")
    height, width = size
    for mark in marks:
        u, v = mark.pixel
        if not (0 <= u <= width and 0 <= v <= height):
            raise ConfigError(
                f"Mark {mark.label!r} must lie in the picture of {width} x {height} pixels, got "
                f"({u:.4g}, {v:.4g})."
            )


def _draw_grid(
    draw: ImageDraw.ImageDraw,
    tiles: Tiles,
    picture: Box,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    for column, letter in enumerate(tiles.letters):
        x = picture.left + column * picture.width / tiles.columns
        if column:
            draw.line([(x, picture.top), (x, picture.bottom - 1)], fill=(*_BLACK, 110), width=3)
            draw.line([(x, picture.top), (x, picture.bottom - 1)], fill=(*_WHITE, 200), width=1)
        middle = x + picture.width / tiles.columns / 2
        draw.text((middle, picture.bottom + 1), letter, font=font, fill=_WHITE, anchor="mt")
    for row in range(tiles.rows):
        y = picture.bottom - row * picture.height / tiles.rows
        if row:
            draw.line([(picture.left, y), (picture.right - 1, y)], fill=(*_BLACK, 110), width=3)
            draw.line([(picture.left, y), (picture.right - 1, y)], fill=(*_WHITE, 200), width=1)
        middle = y - picture.height / tiles.rows / 2
        place = (picture.left / 2, middle)
        draw.text(place, str(row + 1), font=font, fill=_WHITE, anchor="mm")


def _apart(lines: Sequence[HeightLine], gap: float) -> list[HeightLine]:
    """Leave out lines whose names would lie over each other."""
    kept: list[HeightLine] = []
    for line in lines:
        if all(abs(line.points[-1, 1] - other.points[-1, 1]) >= gap for other in kept):
            kept.append(line)
    return kept


def _draw_ruler(
    draw: ImageDraw.ImageDraw,
    line: HeightLine,
    picture: Box,
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    points = line.points * scale + np.array([picture.left, picture.top])
    low = np.array([picture.left, picture.top], np.float64)
    high = np.array([picture.right - 1, picture.bottom - 1], np.float64)
    dense = np.concatenate(
        [np.linspace(a, b, 24, endpoint=False) for a, b in itertools.pairwise(points)]
    )
    dense = dense[((dense >= low) & (dense <= high)).all(axis=1)]
    for start in range(0, len(dense) - 2, 4):  # dashes
        dash = [tuple(dense[start]), tuple(dense[start + 2])]
        draw.line(dash, fill=(*_BLACK, 150), width=3)
        draw.line(dash, fill=(*_RULER, 255), width=1)
    end = (picture.right + 3, float(np.clip(points[-1, 1], low[1], high[1])))
    draw.text(end, line.label, font=font, fill=_RULER, anchor="lm")


def _draw_marks(
    draw: ImageDraw.ImageDraw,
    marks: Sequence[Mark],
    things: NDArray[np.bool_] | None,
    picture: Box,
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> tuple[dict[str, Box], dict[str, tuple[float, float]]]:
    radius = max(3.0, max(picture.width, picture.height) / 110)
    inside = [(mark.pixel[0] * scale, mark.pixel[1] * scale) for mark in marks]
    sizes = [(w + 5, h + 5) for w, h in (_text_size(font, mark.label) for mark in marks)]
    blocked = np.zeros((picture.height, picture.width), bool)
    if things is not None:
        grey = Image.fromarray(things.astype(np.uint8) * 255)
        larger = grey.resize((picture.width, picture.height), Image.Resampling.BILINEAR)
        blocked = np.asarray(larger) > 0  # with the edge that resizing blurs
    placed = place_labels(inside, sizes, blocked, mark_radius=radius + 2)
    boxes: dict[str, Box] = {}
    places: dict[str, tuple[float, float]] = {}
    for mark, (x, y), box in zip(marks, inside, placed, strict=True):
        if box is not None:
            boxes[mark.label] = Box(
                left=box.left + picture.left,
                top=box.top + picture.top,
                width=box.width,
                height=box.height,
            )
            places[mark.label] = (x + picture.left, y + picture.top)
    shown = [mark for mark in marks if mark.label in boxes]
    for mark in shown:  # leader lines below, then marks, then labels
        line = [places[mark.label], boxes[mark.label].nearest(places[mark.label])]
        draw.line(line, fill=(*_BLACK, 160), width=3)
        draw.line(line, fill=mark.colour, width=1)
    for mark in shown:
        x, y = places[mark.label]
        for ring, colour in ((radius + 1, _BLACK), (radius, mark.colour), (radius - 2, _BLACK)):
            draw.ellipse([x - ring, y - ring, x + ring, y + ring], fill=colour)
    for mark in shown:
        box = boxes[mark.label]
        edges = [box.left, box.top, box.right - 1, box.bottom - 1]
        draw.rectangle(edges, fill=_BLACK, outline=mark.colour)
        middle = (box.left + box.width / 2, box.top + box.height / 2)
        draw.text(middle, mark.label, font=font, fill=_WHITE, anchor="mm")
    return boxes, places


def _text_size(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text or "0")
    return int(np.ceil(right - left)), int(np.ceil(bottom - top))
