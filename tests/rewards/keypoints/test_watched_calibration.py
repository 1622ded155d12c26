"""Calibrations that do not fit what the cameras show, noticed while keypoints are followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.camera_info import write_camera_info
from kibble.rewards.cameras.errors import CalibrationError
from kibble.rewards.keypoints.space_lifting import SpaceLifting
from kibble.rewards.keypoints.tracks import Tracks, TrackState

VIEWS = ("front", "side")
TRUE = read_cameras("tabletop", dict.fromkeys(VIEWS, (96, 96)))
FRAMES = {view: np.zeros((16, 96, 96, 3), np.uint8) for view in VIEWS}


def tracks_of(positions, rng):
    """Follow (N, R, 3) m with a pixel of noise."""
    pixels = {
        view: (camera.project(positions) + rng.normal(0, 1, (*positions.shape[:2], 2))).astype(
            np.float32
        )
        for view, camera in TRUE.items()
    }
    shape = positions.shape[:2]
    return Tracks(
        pixels=pixels,
        state={view: np.full(shape, TrackState.SEEN, np.int8) for view in VIEWS},
        confidence={view: np.ones(shape, np.float32) for view in VIEWS},
    )


def failures(calibration, count=15):
    """Place 4 roles in 16 scenes again and again; return what was raised on which readings."""
    lifting = SpaceLifting(calibration, VIEWS)
    rng = np.random.default_rng(0)
    failed = {}
    for step in range(count):
        positions = rng.uniform([0.3, -0.2, 0.0], [0.62, 0.2, 0.15], (16, 4, 3))
        try:
            lifting.roles(tracks_of(positions, rng), FRAMES, np.full((16, 4, 3), np.nan))
        except CalibrationError as error:
            failed[step] = str(error)
    return failed


def calibrated(folder, **cameras):
    for view, camera in {**TRUE, **cameras}.items():
        write_camera_info(folder / f"{view}.yaml", camera, name=view)
    return str(folder)


def test_calibrations_that_fit_are_left_alone():
    assert failures("tabletop") == {}


def test_swapped_calibrations_fail_every_reading_once_there_is_evidence(tmp_path):
    failed = failures(calibrated(tmp_path, front=TRUE["side"], side=TRUE["front"]))
    assert list(failed) == list(range(9, 15))  # 600 points, 64 at a time
    assert "view 'front' or 'side' does not fit" in failed[9]


@pytest.mark.parametrize("mistake", ["lower", "turned"])
def test_a_camera_that_was_moved_is_noticed(tmp_path, mistake):
    pose = TRUE["side"].extrinsics.copy()
    if mistake == "lower":
        pose[1, 3] -= 0.10
    else:
        roll = np.radians(30)
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
        pose = turn @ pose
    assert failures(calibrated(tmp_path, side=replace(TRUE["side"], extrinsics=pose)))
