"""Lays pictures of episodes out as one labelled sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kibble.rewards.types import Frames

__all__ = ["SheetRow", "draw_sheet"]

_PAPER, _INK, _FAINT = (250, 250, 248), (32, 32, 36), (120, 120, 128)
_MARGIN, _GAP, _VIEW_GAP = 18, 4, 18  # pixels
_TITLE, _HEADING, _CAPTION, _LABEL = 22, 18, 17, 13  # font sizes, pixels
_TILE = 144  # pixels that a tile's shorter side has at least, by whole-number enlargement
_WIDEST = 2400  # pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetRow:
    """One episode of the sheet.

    Args:
        caption: What stands above the row.
        frames: (M, H, W, 3) uint8 RGB per view, one frame per moment.
        labels: M texts, one under each moment.
    """

    caption: str
    frames: Frames
    labels: Sequence[str]


def draw_sheet(title: str, rows: Sequence[SheetRow]) -> Image.Image:
    """Draw rows of episodes; columns are the moments of one view beside those of the next.

    Small pictures are enlarged by a whole factor without smoothing, so that they stay what a model
    sees; large ones are made smaller to fit.

    Args:
        title: What stands above the sheet.
        rows: Episodes with the same views, sizes and number of moments.

    Returns:
        The sheet, RGB.
    """
    views = list(rows[0].frames)
    moments, height, width = rows[0].frames[views[0]].shape[:3]
    factor = _enlargement(height, width, columns=moments * len(views))
    tile_height, tile_width = round(height * factor), round(width * factor)
    resample = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BILINEAR
    strip = moments * (tile_width + _GAP) - _GAP
    sheet_width = 2 * _MARGIN + len(views) * (strip + _VIEW_GAP) - _VIEW_GAP
    row_height = _CAPTION + 10 + tile_height + _LABEL + 22
    top = _MARGIN + _TITLE + 14 + _HEADING + 14
    image = Image.new("RGB", (max(sheet_width, 480), top + len(rows) * row_height), _PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((_MARGIN, _MARGIN), title, fill=_INK, font=_font(_TITLE))
    lefts = [_MARGIN + number * (strip + _VIEW_GAP) for number in range(len(views))]
    for left, view in zip(lefts, views, strict=True):
        text = f"{view}  {width} x {height} px"
        pen.text((left, top - _HEADING - 14), text, fill=_FAINT, font=_font(_HEADING))
    for number, row in enumerate(rows):
        y = top + number * row_height
        pen.text((_MARGIN, y), row.caption, fill=_INK, font=_font(_CAPTION))
        y += _CAPTION + 10
        for left, view in zip(lefts, views, strict=True):
            for moment, label in enumerate(row.labels):
                x = left + moment * (tile_width + _GAP)
                tile = Image.fromarray(np.ascontiguousarray(row.frames[view][moment]))
                size = (tile_width, tile_height)
                image.paste(tile.resize(size, resample), (x, y))
                pen.text((x, y + tile_height + 3), label, fill=_FAINT, font=_font(_LABEL))
    return image


def _enlargement(height: int, width: int, *, columns: int) -> float:
    """Choose a whole factor that makes tiles large enough; below 1 where the sheet is too wide."""
    room = (_WIDEST - 2 * _MARGIN) / columns - _GAP
    if width > room:
        return room / width
    factor = 1
    while min(height, width) * factor < _TILE and width * (factor + 1) <= room:
        factor += 1
    return factor


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
