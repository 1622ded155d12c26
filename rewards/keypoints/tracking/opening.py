"""Trackers by name."""

from __future__ import annotations

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.detections import Detector
from kibble.rewards.keypoints.tracking.flow import FlowTracker
from kibble.rewards.keypoints.tracking.hybrid import HybridTracker
from kibble.rewards.keypoints.tracking.redetection import RedetectionTracker
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracks import Tracker

__all__ = ["TRACKERS", "open_tracker"]

TRACKERS: tuple[str, ...] = ("hybrid", "redetection", "flow")
"""Names that :func:`open_tracker` knows."""


def open_tracker(
    name: str,
    detector: Detector | None = None,
    *,
    settings: TrackingSettings | None = None,
) -> Tracker:
    """Open a tracker.

    Args:
        name: One of ``TRACKERS``.
        detector: Finds keypoints in a frame; ``flow`` needs none.
        settings: How sceptical, how patient; the defaults where left out.

    Raises:
        ConfigError: If the name is unknown, or the tracker needs a detector and has none.
        MissingDependencyError: If the tracker needs OpenCV and it is not installed.
    """
    settings = settings or TrackingSettings()
    if name not in TRACKERS:
        raise ConfigError(f"`tracker` must be one of {', '.join(TRACKERS)}, got {name!r}.")
    if name == "flow":
        return FlowTracker(settings=settings)
    if detector is None:
        raise ConfigError(
            f"Tracker {name!r} must have a detector, got none; load the embedded network, or "
            "choose tracker 'flow'."
        )
    if name == "redetection":
        return RedetectionTracker(detector, settings=settings)
    return HybridTracker(detector, settings=settings)
