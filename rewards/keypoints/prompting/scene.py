"""A scene as a language model sees it: views side by side, points to choose from in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.prompting.annotated import Mark, annotate
from kibble.rewards.keypoints.prompting.height_lines import height_lines, side_view
from kibble.rewards.keypoints.prompting.lattice import lattice_points
from kibble.rewards.keypoints.prompting.regions import region_points, segment
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.side_by_side import side_by_side
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.types import Frames

__all__ = ["PromptedScene", "mark_scene", "show_chosen"]

_FEWEST = 3  # points on things; with fewer the lattice offers more
_COLOURS = {
    Role.GRIPPER: (255, 255, 255),
    Role.GRASP: (255, 220, 0),
    Role.FUNCTION: (0, 220, 255),
    Role.TARGET: (255, 90, 210),
}

Chosen = Mapping[tuple[str, Role], tuple[float, float]]
"""View and role to the pixel (u, v) that was chosen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PromptedScene:
    """A scene with numbered marks.

    Args:
        picture: (H', W', 3) uint8 RGB: all views from the left, in order.
        marks: View to label to (u, v), pixels of the view's frame; no label stands twice.
        things: View to (H, W) bool: where things are.
    """

    picture: NDArray[np.uint8]
    marks: Mapping[str, Mapping[str, tuple[float, float]]]
    things: Mapping[str, NDArray[np.bool_]]


def mark_scene(frames: Frames, views: Sequence[str], settings: PromptSettings) -> PromptedScene:
    """Number candidate points in every view, on through all views, and lay the grid over each.

    Args:
        frames: (1, H, W, 3) uint8 RGB per view.
        views: Those that are shown, in order.
        settings: How.

    Returns:
        The scene. Where a view shows fewer than 3 points on things, a lattice is marked instead.
    """
    pictures: list[NDArray[np.uint8]] = []
    marks: dict[str, dict[str, tuple[float, float]]] = {}
    things: dict[str, NDArray[np.bool_]] = {}
    numbered = 0
    for view in views:
        frame = frames[view][0]
        points, things[view] = _candidates(frame, settings)
        numbers = range(numbered + 1, numbered + 1 + len(points))
        named = [
            Mark(label=str(number), pixel=(float(u), float(v)))
            for number, (u, v) in zip(numbers, points, strict=True)
        ]
        shown = annotate(
            frame,
            size=settings.size,
            caption=view,
            marks=named,
            things=things[view],
            tiles=settings.tiles,
        )
        pictures.append(shown.pixels)
        marks[view] = {mark.label: mark.pixel for mark in named if mark.label in shown.boxes}
        numbered += len(points)
    return PromptedScene(picture=side_by_side(pictures), marks=marks, things=things)


def show_chosen(
    frames: Frames,
    views: Sequence[str],
    chosen: Chosen,
    scene: PromptedScene,
    settings: PromptSettings,
    cameras: Mapping[str, Camera],
) -> tuple[NDArray[np.uint8], str | None]:
    """Draw the chosen points with their names, the grid on the first view, and a ruler.

    The ruler stands at the target, in the calibrated view that looks most nearly level, unless
    that is the first, which has the grid.

    Args:
        frames: (1, H, W, 3) uint8 RGB per view.
        views: Those that are shown, in order.
        chosen: What was chosen where.
        scene: The scene that it was chosen in.
        settings: How.
        cameras: Calibrated views, for pictures of the frames' size; may be empty.

    Returns:
        (H', W', 3) uint8 RGB, and the view that has the ruler, ``None`` where none has.
    """
    standing = {
        view: cameras[view]
        for view in views[1:]
        if view in cameras and (view, Role.TARGET) in chosen
    }
    ruled = side_view(standing)
    pictures = []
    for number, view in enumerate(views):
        foot = chosen.get((view, Role.TARGET))
        ruler = view == ruled and foot is not None
        shown = annotate(
            frames[view][0],
            size=settings.size,
            caption=view,
            marks=_named(chosen, view),
            things=scene.things[view],
            tiles=settings.tiles if number == 0 else None,
            lines=height_lines(cameras[view], settings.heights, foot) if ruler and foot else (),
        )
        pictures.append(shown.pixels)
    return side_by_side(pictures), ruled


def _candidates(
    frame: NDArray[np.uint8], settings: PromptSettings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    size = frame.shape[0], frame.shape[1]
    if settings.marks == "regions":
        labels = segment(frame)
        points = region_points(labels, settings.limit)
        if len(points) >= _FEWEST:
            return points, labels > 0
    return lattice_points(size, settings.limit), np.zeros(size, bool)


def _named(chosen: Chosen, view: str) -> list[Mark]:
    """Name what was chosen in a view; roles on one spot share a label."""
    at: dict[tuple[float, float], list[Role]] = {}
    for role in Role:
        if (view, role) in chosen:
            at.setdefault(chosen[view, role], []).append(role)
    return [
        Mark(
            label=" + ".join(role.value for role in roles), pixel=pixel, colour=_COLOURS[roles[-1]]
        )
        for pixel, roles in at.items()
    ]
