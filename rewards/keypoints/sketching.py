"""From what a keypoint reward remembers of an episode to a sketch of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.path import Path
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.sketch import Sketch, SketchedView
from kibble.rewards.keypoints.stages import Stage
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.types import Episode

__all__ = ["sketch_in_picture", "sketch_in_space"]

_UNITS = {Variant.METRIC: "m", Variant.PIXEL: "px", Variant.BLOCK: "blocks"}


def sketch_in_space(episode: Episode, cameras: Mapping[str, Camera]) -> Sketch:
    """Project points and way of an open episode into every calibrated view.

    Args:
        episode: Of a reward whose places are in the base frame, m.
        cameras: The views.
    """
    memory = cast("dict[str, Any]", episode.memory)
    path = Path.restored(memory["path"])
    positions = np.asarray(memory["positions"], np.float64)  # (R, 3) m
    tops = path.goals(positions)  # (W, 3) m
    heights = np.array([waypoint.height for waypoint in path.waypoints])  # (W,) m
    places = tops - heights[:, None] * np.array([0.0, 0.0, 1.0])  # (W, 3) m
    views = {
        view: SketchedView(
            size=(camera.height, camera.width),
            pixels=camera.project(positions),
            state=np.asarray(memory["state"], np.int8),
            places=camera.project(places),
            tops=camera.project(tops),
        )
        for view, camera in cameras.items()
    }
    return _sketch(episode, path, views)


def sketch_in_picture(episode: Episode, view: str) -> Sketch:
    """Show points and way of an open episode in the one view that they are measured in.

    Args:
        episode: Of a reward whose places are pixels.
        view: The view.
    """
    memory = cast("dict[str, Any]", episode.memory)
    path = Path.restored(memory["path"])
    positions = np.asarray(memory["positions"], np.float64)  # (R, 2) px
    goals = path.goals(positions)  # (W, 2) px
    sketched = SketchedView(
        size=(memory["size"][0], memory["size"][1]),
        pixels=positions,
        state=np.asarray(memory["state"], np.int8),
        places=goals,
        tops=np.full_like(goals, np.nan),
    )
    return _sketch(episode, path, {view: sketched})


def _sketch(episode: Episode, path: Path, views: Mapping[str, SketchedView]) -> Sketch:
    memory = cast("dict[str, Any]", episode.memory)
    stage = Stage.restored(memory["stage"]).reached
    return Sketch(
        views=views,
        waypoints=path.waypoints,
        stage=stage,
        distance=float(memory["distance"]),
        unit=_UNITS[Variant(memory["variant"])],
        potential=float(episode.progress),
        confidence=_confidence(memory, path, stage),
    )


def _confidence(memory: Mapping[str, Any], path: Path, stage: int) -> float:
    """Return that of the proposal times that of the next waypoint's least sure point."""
    if np.isnan(memory["distance"]):
        return 0.0
    waypoint = path.waypoints[min(stage, len(path) - 1)]
    sure: NDArray[np.float32] = np.asarray(memory["role_confidence"])
    rows = [ROLES.index(role) for role in (waypoint.mover, waypoint.anchor) if role is not None]
    return float(memory["confidence"]) * float(sure[rows].min())
