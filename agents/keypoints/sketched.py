"""Draw over a film's pictures what a keypoint reward goes by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kibble.agents.keypoints.drawing import Mark, draw_keypoints
from kibble.agents.keypoints.legend import draw_legend
from kibble.agents.keypoints.markers import COLOURS, Pixel
from kibble.agents.keypoints.way import Stop
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.sketch import Sketch, SketchedView
from kibble.rewards.keypoints.tracks import TrackState

__all__ = ["WORDS_HEIGHT", "draw_sketch", "sketch_legend", "sketch_words"]

WORDS_HEIGHT = 24  # pixels below a legend for one line
_RADIUS = 1 / 42  # of a marker, as a share of the picture's height
_TRAIL = 40  # moments that a trail reaches back
_PAPER = (250, 250, 248)


def draw_sketch(image: Image.Image, view: str, moments: Sequence[Sketch | None]) -> Image.Image:
    """Draw points, way, and where the moving point has been.

    Args:
        image: RGB, the picture of a view, at any size; not changed.
        view: Its name.
        moments: Sketches up to now, the newest last.

    Returns:
        The picture with its drawing; the same picture where the view is not sketched.
    """
    sketch = moments[-1] if moments else None
    if sketch is None or view not in sketch.views:
        return image
    seen = sketch.views[view]
    scale = (image.width / seen.size[1], image.height / seen.size[0])
    radius = max(_RADIUS * image.height, 4.0)
    trailed = _draw_trail(image, view, moments, width=max(radius / 3, 1.5))
    return draw_keypoints(
        trailed,
        _marks(seen),
        _stops(sketch, seen),
        scale=scale,
        current=sketch.stage + 1,
        radius=radius,
    )


def sketch_legend(
    moments: Sequence[Sketch | None], width: int, *, words: bool = True
) -> Image.Image | None:
    """Draw what the markers mean.

    Args:
        moments: Sketches of a whole film.
        width: Pixels.
        words: Whether to leave a line's room below for :func:`sketch_words`.

    Returns:
        RGB of even height, or ``None`` where nothing is ever marked.
    """
    known = np.zeros(len(ROLES), np.bool_)  # (R,)
    for sketch in moments:
        for seen in () if sketch is None else sketch.views.values():
            known |= np.isfinite(seen.pixels).all(axis=1)
    if not known.any():
        return None
    roles = [role for role, there in zip(ROLES, known, strict=True) if there]
    legend = draw_legend(width, roles, brief=True)
    height = legend.height + (WORDS_HEIGHT if words else 0)
    page = Image.new("RGB", (width, (height + 1) // 2 * 2), _PAPER)
    page.paste(legend, (0, 0))
    return page


def sketch_words(sketch: Sketch | None) -> str:
    """Say in one line which stage it is, how far it is to go, and what that is worth."""
    if sketch is None:
        return "no keypoints"
    count = len(sketch.waypoints)
    worth = f"potential {sketch.potential:.2f}, confidence {sketch.confidence:.2f}"
    if sketch.confidence == 0.0 or np.isnan(sketch.distance):
        return f"waypoint {min(sketch.stage + 1, count)} of {count}, points lost: held; {worth}"
    if sketch.stage >= count:
        return f"all {count} waypoints reached; {worth}"
    waypoint = sketch.waypoints[sketch.stage]
    anchor = "a place" if waypoint.anchor is None else waypoint.anchor.value
    left = {
        "m": f"{100 * sketch.distance:.1f} cm",
        "px": f"{sketch.distance:.1f} px",
        "blocks": f"{sketch.distance:.1f} blocks",
    }[sketch.unit]
    way = f"{waypoint.mover.value} to {anchor}, {left} left"
    return f"waypoint {sketch.stage + 1} of {count}: {way}; {worth}"


def _marks(seen: SketchedView) -> list[Mark]:
    return [
        Mark(role=role, pixel=_pixel(seen.pixels[row]), state=TrackState(int(seen.state[row])))
        for row, role in enumerate(ROLES)
        if np.isfinite(seen.pixels[row]).all()
    ]


def _stops(sketch: Sketch, seen: SketchedView) -> list[Stop]:
    stops = []
    for row, waypoint in enumerate(sketch.waypoints):
        if np.isfinite(seen.places[row]).all():
            top = _pixel(seen.tops[row]) if np.isfinite(seen.tops[row]).all() else None
            place = _pixel(seen.places[row])
            stops.append(Stop(number=row + 1, waypoint=waypoint, place=place, top=top))
    return stops


def _draw_trail(
    image: Image.Image, view: str, moments: Sequence[Sketch | None], *, width: float
) -> Image.Image:
    """Draw where the points that can move have been, interrupted where they were lost."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    for role in (Role.GRIPPER, Role.FUNCTION):
        line: list[Pixel] = []
        for sketch in [*moments[-_TRAIL:], None]:
            pixel = None if sketch is None else _where(sketch, view, role, image.size)
            if pixel is not None:
                line.append(pixel)
                continue
            if len(line) > 1:
                pen.line(line, fill=COLOURS[role], width=max(round(width), 1), joint="curve")
            line = []
    return drawn


def _where(sketch: Sketch, view: str, role: Role, size: tuple[int, int]) -> Pixel | None:
    """Return where a role was, in pixels of the picture; None where it was not known."""
    seen = sketch.views.get(view)
    if seen is None:
        return None
    row = ROLES.index(role)
    u, v = _pixel(seen.pixels[row])
    if int(seen.state[row]) == TrackState.LOST or not np.isfinite([u, v]).all():
        return None
    return u * size[0] / seen.size[1], v * size[1] / seen.size[0]


def _pixel(values: NDArray[np.float64]) -> Pixel:
    return float(values[0]), float(values[1])
