"""Points from several views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rewards.cameras.rig import LENS, look, rig, table_points

from kibble.rewards.cameras.lifted import Flaw
from kibble.rewards.cameras.triangulation import triangulate
from kibble.rewards.errors import ConfigError


@pytest.mark.parametrize("lens", [None, LENS])
@pytest.mark.parametrize("count", [2, 3])
def test_exact_pixels_give_the_points_back(lens, count):
    cameras = list(rig(lens).values())[:count]
    points = table_points(np.random.default_rng(0), 5, 4)
    pixels = np.stack([camera.project(points) for camera in cameras])
    before = pixels.copy()
    lifted = triangulate(cameras, pixels)
    np.testing.assert_array_equal(pixels, before)
    assert lifted.positions.shape == (5, 4, 3)
    np.testing.assert_allclose(lifted.positions, points, atol=1e-8)
    np.testing.assert_allclose(lifted.error, 0.0, atol=1e-6)
    assert (lifted.flaw == Flaw.NONE).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), noise=st.floats(0.1, 3.0))
def test_no_point_nearby_explains_noisy_pixels_better(seed, noise):
    rng = np.random.default_rng(seed)
    cameras = list(rig().values())
    points = table_points(rng, 6)
    pixels = np.stack([camera.project(points) for camera in cameras])
    pixels += rng.normal(0, noise, pixels.shape)
    lifted = triangulate(cameras, pixels)

    def cost(candidates):
        seen = np.stack([camera.project(candidates) for camera in cameras])
        return ((seen - pixels) ** 2).sum(axis=(0, 2))

    best = cost(lifted.positions)
    np.testing.assert_allclose(lifted.error, np.sqrt(best / 3), rtol=1e-9)
    for _ in range(20):
        step = rng.normal(0, 1e-3, points.shape)
        assert (cost(lifted.positions + step) >= best - 1e-9).all()


def test_a_pixel_of_noise_is_millimetres_in_space():
    rng = np.random.default_rng(1)
    cameras = [rig()["front"], rig()["side"]]
    points = table_points(rng, 400)
    pixels = np.stack([camera.project(points) for camera in cameras])
    lifted = triangulate(cameras, pixels + rng.normal(0, 1.0, pixels.shape))
    away = np.linalg.norm(lifted.positions - points, axis=-1)
    assert 0.002 < np.median(away) < 0.012


def test_a_batch_is_what_its_points_are_alone():
    rng = np.random.default_rng(2)
    cameras = list(rig().values())
    pixels = np.stack([camera.project(table_points(rng, 7)) for camera in cameras])
    pixels[0, 2] = np.nan
    together = triangulate(cameras, pixels)
    for i in range(7):
        alone = triangulate(cameras, pixels[:, i])
        assert alone.positions.shape == (3,)
        np.testing.assert_allclose(alone.positions, together.positions[i], atol=1e-12)
        assert alone.flaw == together.flaw[i]


def test_views_that_do_not_show_a_point_are_left_out():
    cameras = list(rig().values())
    points = table_points(np.random.default_rng(3), 3)
    pixels = np.stack([camera.project(points) for camera in cameras])
    pixels[2, 0] = np.nan
    pixels[1:, 1, 0] = np.nan
    pixels[:, 2] = np.nan
    lifted = triangulate(cameras, pixels)
    np.testing.assert_allclose(lifted.positions[0], points[0], atol=1e-8)
    np.testing.assert_array_equal(lifted.flaw, [Flaw.NONE, Flaw.ONE_VIEW, Flaw.ONE_VIEW])
    assert np.isnan(lifted.positions[1:]).all()
    assert np.isnan(lifted.error[1:]).all()


def test_rays_that_hardly_cross_are_said():
    first = look((1.2, 0.0, 0.66), (0.44, 0.0, 0.09))
    second = look((1.21, 0.0, 0.66), (0.44, 0.0, 0.09))
    point = np.array([0.44, 0.02, 0.05])
    lifted = triangulate([first, second], np.stack([first.project(point), second.project(point)]))
    assert lifted.flaw == Flaw.PARALLEL
    assert np.isnan(lifted.positions).all()


def test_what_meets_behind_a_camera_is_said():
    cameras = [rig()["front"], rig()["side"]]
    behind = np.array([1.6, 0.05, 0.9])  # behind the front camera, before the side camera
    mirrored = cameras[0].centre * 2 - behind
    pixels = np.stack([cameras[0].project(mirrored), cameras[1].project(behind)])
    lifted = triangulate(cameras, pixels)
    assert lifted.flaw == Flaw.BEHIND
    assert np.isnan(lifted.positions).all()


def test_views_that_disagree_are_said_when_asked():
    cameras = [rig()["front"], rig()["side"]]
    point = np.array([0.45, 0.0, 0.05])
    pixels = np.stack([camera.project(point) for camera in cameras]) + np.array(
        [[0, 15], [0, -15]]
    )
    assert triangulate(cameras, pixels).flaw == Flaw.NONE
    lifted = triangulate(cameras, pixels, largest_error=5.0)
    assert lifted.flaw == Flaw.APART
    assert np.isnan(lifted.positions).all()
    assert lifted.error > 5.0


def test_as_many_pixels_as_cameras():
    with pytest.raises(ConfigError, match=r"shape \(V, \.\.\., 2\) for V = 3 cameras"):
        triangulate(list(rig().values()), np.zeros((2, 4, 2)))
