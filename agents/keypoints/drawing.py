"""Draw keypoints and the way on a picture, so that what lies under them stays to be seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from kibble.agents.keypoints.label_places import Box, LabelPlaces
from kibble.agents.keypoints.markers import COLOURS, STROKES, Pixel
from kibble.agents.keypoints.way import Stop
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.waypoint import GripperState

__all__ = ["Mark", "draw_keypoints"]

Colour = tuple[int, int, int]

_FINE = 3  # drawn larger by this and reduced, which smooths the edges
_DARK: Colour = (18, 18, 22)
_PALE: Colour = (245, 245, 242)
_GREY: Colour = (150, 150, 155)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A keypoint in one picture.

    Args:
        role: What it is for.
        pixel: Where it is.
        state: A hidden one is drawn with gaps, a lost one grey and with a question mark.
    """

    role: Role
    pixel: Pixel
    state: TrackState = TrackState.SEEN


def draw_keypoints(
    image: Image.Image,
    marks: Sequence[Mark],
    stops: Sequence[Stop] = (),
    *,
    scale: tuple[float, float] = (1.0, 1.0),
    current: int | None = None,
    radius: float = 7.0,
) -> Image.Image:
    """Draw markers, and the way as arrows with numbers, heights and the fingers' state.

    Until the way asks for the function point to move, arrows start at the gripper; then at the
    function point. Points outside the picture are drawn as far as it reaches.

    Args:
        image: RGB, mostly an enlarged frame; not changed.
        marks: The keypoints, in pixels of the frame.
        stops: The way, in pixels of the frame.
        scale: Image pixels per frame pixel, (across, down).
        current: Number of the stop that is aimed at, from 1; those before are drawn faint, and
            one more than the last says that all are reached. ``None`` draws all alike.
        radius: Of a marker, image pixels.

    Returns:
        The picture with its drawing, RGB, of the same size.
    """
    layer = Image.new("RGBA", (image.width * _FINE, image.height * _FINE))
    across, down = scale[0] * _FINE, scale[1] * _FINE
    artist = _Artist(layer, radius * _FINE)
    marks = [
        Mark(role=m.role, pixel=(m.pixel[0] * across, m.pixel[1] * down), state=m.state)
        for m in marks
        if math.isfinite(m.pixel[0]) and math.isfinite(m.pixel[1])
    ]
    way = [_scaled(stop, across, down) for stop in stops]
    _draw_way(artist, {mark.role: mark.pixel for mark in marks}, way, current)
    for mark in marks:
        artist.marker(mark)
    places = LabelPlaces(layer.size, [artist.box(pixel) for pixel in _points(marks, way)])
    for stop in way:
        artist.label(stop, places, faint=current is not None and stop.number < current)
    reduced = layer.resize(image.size, Image.Resampling.BOX)
    return Image.alpha_composite(image.convert("RGBA"), reduced).convert("RGB")


def _scaled(stop: Stop, across: float, down: float) -> Stop:
    top = None if stop.top is None else (stop.top[0] * across, stop.top[1] * down)
    place = (stop.place[0] * across, stop.place[1] * down)
    return Stop(number=stop.number, waypoint=stop.waypoint, place=place, top=top)


def _points(marks: Sequence[Mark], way: Sequence[Stop]) -> list[Pixel]:
    return [mark.pixel for mark in marks] + [stop.top for stop in way if stop.top is not None]


def _draw_way(
    artist: _Artist, starts: dict[Role, Pixel], way: Sequence[Stop], current: int | None
) -> None:
    """Draw what is done faint, what is aimed at bold, what follows in between."""
    here: dict[Role, Pixel] = dict(starts)
    arrows = []
    for stop in way:
        mover, end = stop.waypoint.mover, stop.top or stop.place
        start = here.get(mover)
        here[mover] = end
        if start is not None:
            weight = _weight(stop.number, current)
            arrows.append((weight, start, end, COLOURS[mover]))
        if stop.top is not None:
            artist.stalk(stop.place, stop.top)
    for weight, start, end, colour in sorted(arrows):
        artist.arrow(start, end, colour, weight)


def _weight(number: int, current: int | None) -> float:
    if current is None or number > current:
        return 0.75
    return 1.3 if number == current else 0.4


class _Artist:
    """Strokes with a dark rim on a transparent layer."""

    def __init__(self, layer: Image.Image, radius: float) -> None:
        self._pen = ImageDraw.Draw(layer)
        self._radius = radius
        self._width = max(radius / 4.5, 2.0)
        self._font = ImageFont.load_default(radius * 1.45)

    def box(self, point: Pixel) -> Box:
        """Return the box that a marker takes."""
        reach = self._radius * 1.25
        return (point[0] - reach, point[1] - reach, point[0] + reach, point[1] + reach)

    def marker(self, mark: Mark) -> None:
        """Draw the strokes of a role about its point."""
        u, v = mark.pixel
        lost = mark.state is TrackState.LOST
        colour = _GREY if lost else COLOURS[mark.role]
        strokes = [
            [(u + x * self._radius, v + y * self._radius) for x, y in stroke]
            for stroke in STROKES[mark.role]
        ]
        if mark.state is TrackState.OCCLUDED:
            strokes = [dash for stroke in strokes for dash in _dashes(stroke, self._radius * 0.7)]
        for ink, width in ((_DARK, 2.4), (colour, 1.2)):
            for stroke in strokes:
                self._line(stroke, ink, self._width * width)
        self._dot(mark.pixel, self._width * 0.9, _DARK)
        self._dot(mark.pixel, self._width * 0.5, colour)
        if lost:
            self._text((u + self._radius, v - self._radius), "?", _GREY)

    def arrow(self, start: Pixel, end: Pixel, colour: Colour, weight: float) -> None:
        """Draw an arrow that keeps clear of the points at its ends."""
        length = math.dist(start, end)
        clear = self._radius * 1.2
        if length < 2.2 * clear:
            return
        along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
        a = (start[0] + along[0] * clear, start[1] + along[1] * clear)
        b = (end[0] - along[0] * clear * 0.6, end[1] - along[1] * clear * 0.6)
        barb = self._radius * (0.5 + 0.4 * weight)
        wings = [
            (
                b[0] - barb * (along[0] * 0.9 + side * along[1] * 0.55),
                b[1] - barb * (along[1] * 0.9 - side * along[0] * 0.55),
            )
            for side in (-1, 1)
        ]
        faded = (*colour, 120) if weight < 0.5 else colour
        for ink, width in ((_DARK, weight + 0.8), (faded, weight)):
            if weight < 0.5 and ink is _DARK:
                continue
            self._line([a, b], ink, self._width * width)
            self._line([wings[0], b, wings[1]], ink, self._width * width)

    def stalk(self, place: Pixel, top: Pixel) -> None:
        """Draw the dotted line from a place to the point above it."""
        if math.dist(place, top) < self._radius:
            return
        for dash in _dashes([place, top], self._width * 1.6):
            self._line(dash, _DARK, self._width * 1.2)
            self._line(dash, _PALE, self._width * 0.6)
        self._dot(top, self._width * 1.3, _DARK)
        self._dot(top, self._width * 0.8, _PALE)

    def label(self, stop: Stop, places: LabelPlaces, *, faint: bool) -> None:
        """Draw a stop's number, height and gripper beside its point, with a line to that."""
        height = stop.waypoint.height
        text = str(stop.number) + (f": {100 * height:+.3g} cm" if abs(height) >= 5e-4 else "")
        pad, state = self._radius * 0.35, stop.waypoint.gripper
        fingers = 0.0 if state is GripperState.ANY else self._radius * 1.5
        tall = self._radius * 1.9
        wide = self._pen.textlength(text, font=self._font) + 2 * pad + fingers
        point = stop.top or stop.place
        distances = [self._radius * far for far in (1.5, 2.5, 4.0, 6.0)]
        left, top, right, bottom = places.place(point, (wide, tall), distances)
        near = (min(max(point[0], left), right), min(max(point[1], top), bottom))
        self._line([point, near], (*_DARK, 150), self._width * 0.7)
        ink = (*_DARK, 120 if faint else 215)
        self._pen.rounded_rectangle((left, top, right, bottom), radius=tall * 0.3, fill=ink)
        middle = (top + bottom) / 2
        paper = (*_PALE, 150) if faint else (*_PALE, 255)
        self._pen.text((left + pad, middle), text, fill=paper, font=self._font, anchor="lm")
        if fingers:
            centre = right - pad - fingers * 0.35
            apart = self._radius * (0.5 if state is GripperState.OPEN else 0.17)
            for x in (centre - apart, centre + apart):
                self._line(
                    [(x, middle - tall * 0.28), (x, middle + tall * 0.28)],
                    COLOURS[Role.GRIPPER],
                    self._width,
                )

    def _text(self, place: Pixel, text: str, colour: Colour) -> None:
        self._pen.text(
            place,
            text,
            fill=colour,
            font=self._font,
            anchor="lm",
            stroke_width=round(self._width * 0.6),
            stroke_fill=_DARK,
        )

    def _dot(self, point: Pixel, radius: float, colour: Colour) -> None:
        u, v = point
        self._pen.ellipse((u - radius, v - radius, u + radius, v + radius), fill=colour)

    def _line(
        self, points: Sequence[Pixel], colour: Colour | tuple[int, int, int, int], width: float
    ) -> None:
        self._pen.line(list(points), fill=colour, width=max(round(width), 1), joint="curve")


def _dashes(points: Sequence[Pixel], step: float) -> list[list[Pixel]]:
    """Cut a line into dashes of a length with gaps as long between them."""
    dashes: list[list[Pixel]] = []
    for a, b in itertools.pairwise(points):
        count = max(round(math.dist(a, b) / step), 1)
        at = [
            (a[0] + (b[0] - a[0]) * k / count, a[1] + (b[1] - a[1]) * k / count)
            for k in range(count + 1)
        ]
        dashes += [[at[k], at[k + 1]] for k in range(0, count, 2)]
    return dashes
