"""What a keypoint reward goes by, as ``kibble_msgs/msg/Keypoints``."""

from __future__ import annotations

import math

import numpy as np

from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.sketch import Sketch, SketchedView
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.node.scorer import Scored
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields

__all__ = ["keypoints_fields"]

_UNKNOWN = {"x": math.nan, "y": math.nan, "z": math.nan}


def keypoints_fields(scored: Scored, task: str) -> Fields | None:
    """Return the fields of a message, or ``None`` where the model has no keypoints to show.

    Pixels are those of the cameras' images. Places in space are not part of what a model shows,
    so positions are NaN. Roles that the task lacks are left out.

    Args:
        scored: A reading.
        task: The instruction in force.
    """
    sketch = scored.sketch
    if sketch is None:
        return None
    return {
        "header": {"stamp": stamp_fields(scored.stamp), "frame_id": ""},
        "task": task,
        "stage": min(sketch.stage, 255),
        "stages": min(len(sketch.waypoints), 255),
        "distance": sketch.distance if sketch.unit == "m" else math.nan,
        "keypoints": [
            _keypoint(i, sketch, scored) for i in range(len(ROLES)) if _is_placed(i, sketch)
        ],
    }


def _is_placed(role: int, sketch: Sketch) -> bool:
    return any(np.isfinite(view.pixels[role]).all() for view in sketch.views.values())


def _keypoint(role: int, sketch: Sketch, scored: Scored) -> Fields:
    best = min((int(view.state[role]) for view in sketch.views.values()), default=TrackState.LOST)
    return {
        "role": ROLES[role].value,
        "state": int(best),
        "confidence": sketch.confidence,
        "position": _UNKNOWN,
        "pixels": [_pixel(role, name, view, scored) for name, view in sketch.views.items()],
    }


def _pixel(role: int, name: str, view: SketchedView, scored: Scored) -> Fields:
    height, width = scored.sizes.get(name, view.size)
    x, y = view.pixels[role]
    return {
        "view": name,
        "x": float(x) * width / view.size[1],
        "y": float(y) * height / view.size[0],
    }
