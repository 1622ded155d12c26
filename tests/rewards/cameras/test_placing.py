"""Finding where a camera stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.rewards.cameras.rig import LENS, rig

from kibble.rewards.cameras.errors import CalibrationError
from kibble.rewards.cameras.placing import place_camera
from kibble.rewards.errors import ConfigError

pytest.importorskip("cv2")

SPREAD = np.array(
    [
        [0.3, -0.2, 0.0],
        [0.3, 0.2, 0.0],
        [0.6, -0.2, 0.0],
        [0.6, 0.2, 0.0],
        [0.45, 0.0, 0.15],
        [0.35, 0.1, 0.08],
        [0.55, -0.1, 0.2],
        [0.4, -0.15, 0.05],
    ]
)


def lost(camera):
    return replace(camera, extrinsics=np.eye(4))


@pytest.mark.parametrize("model", ["none", "plumb_bob", "equidistant"])
@pytest.mark.parametrize("view", ["front", "side", "corner"])
@pytest.mark.parametrize("count", [4, 8])
def test_a_camera_is_found_where_it_stands(view, model, count):
    """The first four points lie in a plane."""
    camera = rig(width=640, height=480)[view]
    if model != "none":
        coefficients = LENS if model == "plumb_bob" else np.array([-0.02, 0.006, -0.003, 4e-4])
        camera = replace(camera, distortion=coefficients, distortion_model=model)
    points = SPREAD[:count]
    placed, errors = place_camera(lost(camera), points, camera.project(points))
    np.testing.assert_allclose(placed.extrinsics, camera.extrinsics, atol=1e-5)
    np.testing.assert_allclose(placed.centre, camera.centre, atol=1e-5)
    assert errors.max() < 1e-3


def test_a_pixel_of_error_in_each_click_moves_the_camera_by_little():
    camera = rig(width=640, height=480)["front"]
    clicks = camera.project(SPREAD) + np.random.default_rng(0).normal(0, 1.0, (8, 2))
    placed, errors = place_camera(lost(camera), SPREAD, clicks)
    assert np.linalg.norm(placed.centre - camera.centre) < 0.02
    assert 0.1 < errors.max() < 4.0


@pytest.mark.parametrize("wrong", [0, 4, 7])
def test_a_point_that_does_not_fit_is_named(wrong):
    camera = rig(width=640, height=480)["front"]
    clicks = camera.project(SPREAD)
    clicks[wrong] += [60.0, -25.0]
    with pytest.raises(CalibrationError, match=rf"; point {wrong} at \[.* fits worst"):
        place_camera(lost(camera), SPREAD, clicks)


def test_wrong_intrinsics_do_not_pass():
    camera = rig(width=640, height=480)["front"]
    halved = replace(camera, intrinsics=np.diag([0.5, 0.5, 1.0]) @ camera.intrinsics)
    with pytest.raises(CalibrationError, match="check the intrinsics"):
        place_camera(lost(halved), SPREAD, camera.project(SPREAD))


@pytest.mark.parametrize(
    ("points", "pixels", "message"),
    [
        (SPREAD[:3], np.ones((3, 2)), "M at least 4, got"),
        (SPREAD, np.ones((7, 2)), r"got \(8, 3\) and \(7, 2\)"),
        (SPREAD * np.nan, np.ones((8, 2)), "must be finite numbers"),
        (SPREAD * [1, 0, 0], np.ones((8, 2)), "must not lie in one line, got 8"),
    ],
)
def test_too_little_is_said(points, pixels, message):
    with pytest.raises(ConfigError, match=message):
        place_camera(rig()["front"], points, pixels)


def test_pixels_beyond_the_lens_are_said():
    camera = rig(LENS)["front"]
    pixels = camera.project(SPREAD)
    pixels[5] = [9e4, 0.0]
    with pytest.raises(ConfigError, match=r"where the lens shows something, .* for point 5"):
        place_camera(camera, SPREAD, pixels)
