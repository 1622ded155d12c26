"""Trackers by name."""

from __future__ import annotations

import sys

import pytest
from tests.rewards.keypoints.tracking.moving_square import ScriptedDetector

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.keypoints.tracking.opening import TRACKERS, open_tracker
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracks import Tracker

DETECTOR = ScriptedDetector([])


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_is_named_after_its_kind_and_its_settings(name: str) -> None:
    tracker = open_tracker(name, DETECTOR)
    assert isinstance(tracker, Tracker)
    assert tracker.name.partition("(")[0] == name
    assert tracker.name != open_tracker(name, DETECTOR, settings=TrackingSettings(every=3)).name


def test_an_unknown_tracker_is_refused() -> None:
    with pytest.raises(ConfigError, match="`tracker` must be one of hybrid, redetection, flow"):
        open_tracker("kalman", DETECTOR)


@pytest.mark.parametrize("name", ["hybrid", "redetection"])
def test_a_tracker_that_needs_a_detector_says_so(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' must have a detector"):
        open_tracker(name)


@pytest.mark.parametrize("name", ["hybrid", "flow"])
def test_a_missing_opencv_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match="extra 'keypoints'"):
        open_tracker(name, DETECTOR)
    assert open_tracker("redetection", DETECTOR).name.startswith("redetection")
