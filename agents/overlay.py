"""Film an episode: its views side by side, its progress growing below.

Where the reward goes by keypoints they are drawn over the views, with the way that is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kibble.agents.keypoints.sketched import (
    WORDS_HEIGHT,
    draw_sketch,
    sketch_legend,
    sketch_words,
)
from kibble.agents.rollouts import Film, Outcome
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.keypoints.sketch import Sketch

__all__ = ["draw_overlay", "write_video"]

_VIEW_HEIGHT = 256  # pixels
_SKETCHED_HEIGHT = 336  # pixels, room for markers and their labels
_CURVE_HEIGHT = 112  # pixels
_TEXT_HEIGHT = 30  # pixels
_MODEL, _TRUE, _INK, _PAPER = (27, 108, 168), (150, 150, 150), (30, 30, 30), (250, 250, 248)


def write_video(outcome: Outcome, path: Path, *, frames_per_second: float) -> None:
    """Write the film of an episode as an mp4 with the overlay.

    Args:
        outcome: A filmed episode.
        path: The file, ending in ``.mp4``.
        frames_per_second: Rate of the environment's steps; the last image stays for a second.
    """
    assert outcome.film is not None
    images = draw_overlay(outcome, outcome.film)
    held = np.repeat(images[-1:], max(round(frames_per_second), 1), axis=0)
    with iio.imopen(path, "w", plugin="pyav") as file:
        file.init_video_stream("libx264", fps=max(round(frames_per_second), 1))
        for image in np.concatenate([images, held]):
            file.write_frame(image)


def draw_overlay(outcome: Outcome, film: Film) -> NDArray[np.uint8]:
    """Draw every moment of a film.

    Returns:
        (T, H, W, 3) uint8 RGB; H and W are even, as H.264 asks for.
    """
    view_height = _SKETCHED_HEIGHT if any(film.sketches) else _VIEW_HEIGHT
    strips = [
        _views(frames, film.sketches[: moment + 1], view_height)
        for moment, frames in enumerate(film.frames)
    ]
    width = strips[0].width
    legend = sketch_legend(film.sketches, width)
    height = _TEXT_HEIGHT + view_height + _CURVE_HEIGHT
    extra = 0 if legend is None else legend.height
    rows = []
    for moment, strip in enumerate(strips):
        page = Image.new("RGB", (width, height + extra), _PAPER)
        page.paste(strip, (0, _TEXT_HEIGHT))
        draw = ImageDraw.Draw(page)
        if legend is not None:
            page.paste(legend, (0, height))
            words = sketch_words(film.sketches[moment])
            draw.text((10, height + extra - WORDS_HEIGHT), words, fill=_INK, font=_font())
        draw.text(
            (8, 8), _caption(outcome, last=moment == len(strips) - 1), fill=_INK, font=_font()
        )
        top = _TEXT_HEIGHT + view_height
        _curve(draw, film.true_progress, moment, top, width, _TRUE)
        _curve(draw, film.progress, moment, top, width, _MODEL)
        _legend(draw, film, moment, top)
        rows.append(np.asarray(page, np.uint8))
    return np.stack(rows)


def _views(
    frames: dict[str, NDArray[np.uint8]], sketches: Sequence[Sketch | None], height: int
) -> Image.Image:
    """Put the views of one moment side by side at one height; the width comes out even."""
    scaled = []
    pictures = [view for view in frames if not view.endswith(DEPTH_SUFFIX)]  # else distances
    for view in pictures or frames:
        frame = frames[view]
        width = round(frame.shape[1] * height / frame.shape[0] / 2) * 2
        image = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
        scaled.append(draw_sketch(image, view, sketches))
    strip = Image.new("RGB", (sum(image.width for image in scaled), height))
    left = 0
    for image in scaled:
        strip.paste(image, (left, 0))
        left += image.width
    return strip


def _curve(
    draw: ImageDraw.ImageDraw,
    values: Sequence[float | None],
    moment: int,
    top: int,
    width: int,
    colour: tuple[int, int, int],
) -> None:
    """Draw a progress curve from the start to a moment; the axis spans the whole episode."""
    known = [(i, value) for i, value in enumerate(values[: moment + 1]) if value is not None]
    if not known:
        return
    left, right, low, high = 10, width - 10, top + _CURVE_HEIGHT - 10, top + 26
    points = [
        (
            left + (right - left) * i / max(len(values) - 1, 1),
            low - (low - high) * value,
        )
        for i, value in known
    ]
    if len(points) > 1:
        draw.line(points, fill=colour, width=3)
    x, y = points[-1]
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)


def _legend(draw: ImageDraw.ImageDraw, film: Film, moment: int, top: int) -> None:
    bottom = top + _CURVE_HEIGHT - 10
    draw.line([(10, bottom), (10, top + 26)], fill=_TRUE, width=1)
    place = 10
    for name, values, colour in (
        ("reward model", film.progress, _MODEL),
        ("simulator", film.true_progress, _TRUE),
    ):
        value = values[moment]
        if value is not None:
            text = f"{name} {value:.2f}"
            draw.text((place, top + 6), text, fill=colour, font=_font())
            place += int(draw.textlength(text, font=_font())) + 18


def _caption(outcome: Outcome, *, last: bool) -> str:
    if not last or outcome.success is None:
        return outcome.instruction
    return f"{outcome.instruction}: {'success' if outcome.success else 'failure'}"


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(14)
