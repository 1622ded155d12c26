"""Draw footage: its views side by side, and with what reward models read below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kibble.agents.footage.footage import Footage
from kibble.agents.keypoints.sketched import (
    WORDS_HEIGHT,
    draw_sketch,
    sketch_legend,
    sketch_words,
)
from kibble.agents.score.curves import Curve
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.keypoints.sketch import Sketch

__all__ = ["COLOURS", "OverlayArtist", "draw_strip", "sketches_of"]

COLOURS = (
    *((0, 101, 189), (213, 94, 0), (0, 138, 103), (170, 60, 140)),
    *((150, 110, 0), (60, 130, 190), (120, 80, 60), (90, 90, 90)),
)
"""RGB of each curve in turn, told apart by colour-blind eyes; the page uses the same."""

_TEXT, _CURVE, _MARGIN = 26, 150, 12  # pixels
_MIN_WIDTH = 480  # pixels
_INK, _PAPER, _GRID, _TRUTH = (30, 30, 30), (250, 250, 248), (222, 222, 218), (140, 140, 140)


def sketches_of(curves: Sequence[Curve]) -> tuple[Sketch | None, ...]:
    """Return what the first model that can shows of its keypoints, T moments or none."""
    return next((curve.sketches for curve in curves if any(curve.sketches)), ())


def draw_strip(
    footage: Footage, moment: int, *, height: int, sketches: Sequence[Sketch | None] = ()
) -> Image.Image:
    """Put the views of one moment side by side at one height, named if there are several.

    Args:
        footage: The recording.
        moment: Frame number.
        height: Pixels, even.
        sketches: Keypoints to be drawn over the views, of every moment, or none.

    Returns:
        The picture; its width is even.
    """
    pictures = [view for view in footage.views if not view.endswith(DEPTH_SUFFIX)]
    views, tiles = pictures or footage.views, []
    for view in views:
        image = footage.frames[view][moment]
        width = max(round(image.shape[1] * height / image.shape[0] / 2) * 2, 2)
        tile = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        tiles.append(draw_sketch(tile, view, sketches[: moment + 1]))
    strip = Image.new("RGB", (sum(tile.width for tile in tiles), height))
    draw, left = ImageDraw.Draw(strip), 0
    for view, tile in zip(views, tiles, strict=True):
        strip.paste(tile, (left, 0))
        if len(tiles) > 1:
            box = draw.textbbox((left + 8, 6), view, font=_font(13))
            draw.rectangle((box[0] - 4, box[1] - 3, box[2] + 4, box[3] + 3), fill=_INK)
            draw.text((left + 8, 6), view, fill=_PAPER, font=_font(13))
        left += tile.width
    return strip


@final
class OverlayArtist:
    """Draws every moment of footage with its curves up to then.

    Args:
        footage: The recording, T frames.
        instruction: What was wanted.
        curves: What models read; gaps stay gaps.
    """

    def __init__(self, footage: Footage, instruction: str, curves: Sequence[Curve]) -> None:
        self._footage, self._curves = footage, curves
        self._lines = [
            (curve.label, curve.column("progress"), COLOURS[number % len(COLOURS)])
            for number, curve in enumerate(curves)
        ]
        if footage.oracle is not None:
            truth = footage.oracle.astype(np.float64)
            self._lines.insert(0, ("simulator", truth, _TRUTH))
        self._sketches = sketches_of(curves)
        strip = draw_strip(footage, 0, height=256)
        self._width = max(strip.width, _MIN_WIDTH)
        self._texts = _wrap(instruction, self._width - 2 * _MARGIN)
        self._head = _TEXT * len(self._texts)
        self._legend = _TEXT * len(self._lines)
        self._marks = sketch_legend(self._sketches, self._width)
        self._marks_top = self._head + 256 + self._legend
        marked = 0 if self._marks is None else self._marks.height
        self._height = self._marks_top + marked + _CURVE
        self._page = self._background()

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """Yield T images (H, W, 3) uint8 RGB; H and W are even."""
        for moment in range(len(self._footage)):
            yield self._draw(moment)

    def _draw(self, moment: int) -> NDArray[np.uint8]:
        page = self._page.copy()
        strip = draw_strip(self._footage, moment, height=256, sketches=self._sketches)
        page.paste(strip, ((self._width - strip.width) // 2, self._head))
        draw = ImageDraw.Draw(page)
        for row, (label, values, colour) in enumerate(self._lines):
            value = values[moment]
            shown = "no answer" if np.isnan(value) else f"{value:.2f}"
            place = (_MARGIN, self._head + 260 + row * _TEXT)
            draw.text(place, f"{label}  {shown}", fill=colour, font=_font(15))
            self._line(draw, values[: moment + 1], colour, width=3)
        if self._marks is not None:
            bottom = self._marks_top + self._marks.height - WORDS_HEIGHT
            words = sketch_words(self._sketches[moment])
            draw.text((_MARGIN, bottom), words, fill=_INK, font=_font(14))
        x = self._x(moment)
        draw.line([(x, self._top()), (x, self._low())], fill=_INK, width=1)
        return np.asarray(page, np.uint8)

    def _background(self) -> Image.Image:
        page = Image.new("RGB", (self._width, self._height), _PAPER)
        draw = ImageDraw.Draw(page)
        if self._marks is not None:
            page.paste(self._marks, (0, self._marks_top))
        for row, text in enumerate(self._texts):
            draw.text((_MARGIN, 5 + row * _TEXT), text, fill=_INK, font=_font(15))
        for level in (0.0, 0.5, 1.0):
            y = self._y(level)
            draw.line([(_MARGIN, y), (self._width - _MARGIN, y)], fill=_GRID, width=1)
        for _, values, colour in self._lines:
            pale = tuple((part + 3 * 250) // 4 for part in colour)
            self._line(draw, values, (pale[0], pale[1], pale[2]), width=2)
        return page

    def _line(
        self,
        draw: ImageDraw.ImageDraw,
        values: NDArray[np.float64],
        colour: tuple[int, int, int],
        *,
        width: int,
    ) -> None:
        """Draw a curve from the first frame on, interrupted where there is no value."""
        run: list[tuple[float, float]] = []
        for moment, value in enumerate([*values.tolist(), float("nan")]):
            if not np.isnan(value):
                run.append((self._x(moment), self._y(value)))
                continue
            if len(run) > 1:
                draw.line(run, fill=colour, width=width, joint="curve")
            if run:
                x, y = run[-1]
                draw.ellipse((x - width, y - width, x + width, y + width), fill=colour)
            run = []

    def _x(self, moment: int) -> float:
        times = self._footage.times
        share = times[moment] / times[-1] if times[-1] > 0.0 else 0.5
        return float(_MARGIN + share * (self._width - 2 * _MARGIN))

    def _y(self, value: float) -> float:
        return self._low() - value * (self._low() - self._top())

    def _top(self) -> int:
        return self._height - _CURVE + _MARGIN

    def _low(self) -> int:
        return self._height - _MARGIN


def _wrap(text: str, width: int) -> list[str]:
    """Break text into lines that fit, three at most."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _font(15).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines if len(lines) <= 3 else [*lines[:2], f"{lines[2]} …"]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
