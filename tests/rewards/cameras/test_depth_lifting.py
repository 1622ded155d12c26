"""Points from a pixel and a depth image."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.cameras.rig import LENS, rig

from kibble.rewards.cameras.depth_lifting import lift_by_depth
from kibble.rewards.cameras.lifted import Flaw
from kibble.rewards.cameras.plane_lifting import lift_by_plane
from kibble.rewards.errors import ConfigError


def depth_of_table(camera, height=0.0):
    """Render the depth of a table at a height: (H, W) m."""
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    lifted = lift_by_plane(camera, np.stack([columns, rows], axis=-1), offset=height)
    return camera.depths(lifted.positions)


@pytest.mark.parametrize("lens", [None, LENS])
@pytest.mark.parametrize("view", ["front", "side"])
@pytest.mark.parametrize("radius", [0, 1, 2])
def test_points_on_a_slanting_surface_are_found_between_the_readings(lens, view, radius):
    camera = rig(lens)[view]
    rng = np.random.default_rng(0)
    points = np.append(
        rng.uniform([0.35, -0.12], [0.55, 0.12], (3, 4, 2)), np.zeros((3, 4, 1)), -1
    )
    depth = np.stack([depth_of_table(camera)] * 3)
    lifted = lift_by_depth(camera, camera.project(points), depth, radius=radius)
    # without neighbours, the reading at the middle of the pixel has to do
    np.testing.assert_allclose(lifted.positions, points, atol=2e-4 if radius else 0.02)
    assert (lifted.flaw == Flaw.NONE).all()


def scene(background=1.0, block=0.8):
    """Return a camera, and a block before a wall: 10 x 10 pixels from (40, 40) on."""
    camera = rig()["front"]
    depth = np.full((96, 96), background)
    depth[40:50, 40:50] = block
    return camera, depth


@pytest.mark.parametrize(
    ("pixel", "expected", "flaw"),
    [
        ((45.0, 45.0), 0.8, Flaw.NONE),
        ((40.2, 45.5), 0.8, Flaw.EDGE),  # on the block, at its edge
        ((39.9, 45.5), 0.8, Flaw.EDGE),  # a pixel beside it: a third of the window is the block
        ((39.9, 39.9), 1.0, Flaw.EDGE),  # off its corner: a ninth is
        ((38.5, 45.5), 1.0, Flaw.NONE),
    ],
)
def test_at_an_edge_the_nearer_surface_is_meant_if_there_is_enough_of_it(pixel, expected, flaw):
    camera, depth = scene()
    lifted = lift_by_depth(camera, np.array([pixel]), depth)
    assert camera.depths(lifted.positions)[0] == pytest.approx(expected)
    assert lifted.flaw[0] == flaw


def test_a_stray_reading_has_no_say():
    camera, depth = scene()
    depth[45, 45] = 0.81
    depth[44, 44] = 0.3
    depth[46, 46] = np.nan
    lifted = lift_by_depth(camera, np.array([[45.5, 45.5]]), depth)
    assert camera.depths(lifted.positions)[0] == pytest.approx(0.8, abs=0.002)
    assert lifted.error[0] == pytest.approx(0.01)


@pytest.mark.parametrize("missing", [np.nan, 0.0, np.inf])
def test_missing_depth_is_said(missing):
    camera, depth = scene()
    depth[60:70, 60:70] = missing
    pixels = np.array([[65.0, 65.0], [60.5, 60.5], [30.0, 65.0]])
    lifted = lift_by_depth(camera, pixels, depth)
    np.testing.assert_array_equal(lifted.flaw, [Flaw.NO_DEPTH, Flaw.NONE, Flaw.NONE])
    assert np.isnan(lifted.positions[0]).all()
    assert np.isnan(lifted.error[0])
    assert np.isfinite(lifted.positions[1:]).all()


def test_pixels_outside_are_said_and_corners_served():
    camera, depth = scene()
    pixels = np.array([[-0.1, 5.0], [5.0, 96.0], [np.nan, np.nan], [0.0, 0.0], [95.9, 95.9]])
    lifted = lift_by_depth(camera, pixels, depth)
    np.testing.assert_array_equal(lifted.flaw, [Flaw.UNSEEN] * 3 + [Flaw.NONE] * 2)
    np.testing.assert_allclose(camera.depths(lifted.positions)[3:], 1.0)


def test_a_batch_is_what_its_frames_are_alone():
    camera, depth = scene()
    rng = np.random.default_rng(4)
    batch = np.stack([depth, depth + 0.1, depth * np.where(rng.random((96, 96)) < 0.5, 1, np.nan)])
    pixels = rng.uniform(30, 60, (3, 5, 2))
    together = lift_by_depth(camera, pixels, batch)
    for i in range(3):
        alone = lift_by_depth(camera, pixels[i], batch[i])
        np.testing.assert_allclose(alone.positions, together.positions[i])
        np.testing.assert_array_equal(alone.flaw, together.flaw[i])


def test_depth_of_another_size_is_refused():
    camera, depth = scene()
    with pytest.raises(ConfigError, match=r"`depth` must have shape \(96, 96\) .* got \(48, 48\)"):
        lift_by_depth(camera, np.zeros((4, 2)), depth[:48, :48])
    with pytest.raises(ConfigError, match=r"`depth` must have shape \(2, 96, 96\)"):
        lift_by_depth(camera, np.zeros((2, 4, 2)), depth)
