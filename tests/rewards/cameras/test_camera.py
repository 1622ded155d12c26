"""The camera, against OpenCV and against itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError

INTRINSICS = np.array([[210.0, 0.0, 161.5], [0.0, 205.0, 118.0], [0.0, 0.0, 1.0]])
LENSES = {
    "none": ("plumb_bob", []),
    "four": ("plumb_bob", [-0.28, 0.07, 8e-4, -5e-4]),
    "barrel": ("plumb_bob", [-0.36, 0.14, 8e-4, -5e-4, -0.02]),
    "pincushion": ("plumb_bob", [0.2, 0.05, -1e-3, 2e-3, 0.01]),
    "rational": ("rational_polynomial", [0.51, -2.73, 4e-4, -2e-4, 1.55, 0.39, -2.55, 1.48]),
    "fisheye": ("equidistant", [-0.02, 0.006, -0.003, 4e-4]),
}


def make_camera(lens="none", **changes):
    angle = 0.4
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = [
        [np.cos(angle), 0.0, -np.sin(angle)],
        [0.0, 1.0, 0.0],
        [np.sin(angle), 0.0, np.cos(angle)],
    ]
    extrinsics[:3, 3] = [0.1, -0.05, 0.8]
    model, coefficients = LENSES[lens]
    values = {
        "intrinsics": INTRINSICS,
        "extrinsics": extrinsics,
        "width": 320,
        "height": 240,
        "distortion": np.array(coefficients),
        "distortion_model": model,
    }
    return Camera(**{**values, **changes})


def points_in_sight(camera, count=200, seed=0):
    rng = np.random.default_rng(seed)
    in_camera = rng.uniform([-0.6, -0.45, 1.0], [0.6, 0.45, 1.0], (count, 3))
    in_camera *= rng.uniform(0.3, 3.0, (count, 1))
    base = np.linalg.inv(camera.extrinsics)
    return in_camera @ base[:3, :3].T + base[:3, 3]


@pytest.mark.parametrize("lens", sorted(LENSES))
def test_projection_is_that_of_opencv(lens):
    cv2 = pytest.importorskip("cv2")
    camera = make_camera(lens)
    points = points_in_sight(camera)
    turn, _ = cv2.Rodrigues(camera.extrinsics[:3, :3])
    move = camera.extrinsics[:3, 3]
    if lens == "fisheye":
        seen, _ = cv2.fisheye.projectPoints(
            points[:, None], turn, move, INTRINSICS, camera.distortion
        )
    else:
        seen, _ = cv2.projectPoints(points, turn, move, INTRINSICS, camera.distortion)
    np.testing.assert_allclose(camera.project(points), seen[:, 0], atol=1e-8)


@pytest.mark.parametrize("lens", sorted(LENSES))
def test_rays_lead_back_to_the_points(lens):
    camera = make_camera(lens)
    points = points_in_sight(camera).reshape(4, 50, 3)
    pixels = camera.project(points)
    assert pixels.shape == (4, 50, 2)
    again = camera.centre + camera.depths(points)[..., None] * camera.rays(pixels)
    np.testing.assert_allclose(again, points, atol=1e-7)


@given(u=st.floats(0, 320), v=st.floats(0, 240), depth=st.floats(0.05, 20))
def test_what_a_pixel_shows_is_shown_at_that_pixel(u, v, depth):
    for lens in ("barrel", "fisheye"):
        camera = make_camera(lens)
        pixel = np.array([u, v])
        point = camera.centre + depth * camera.rays(pixel)
        np.testing.assert_allclose(camera.project(point), pixel, atol=1e-6)
        assert camera.depths(point) == pytest.approx(depth)


def test_behind_the_camera_and_not_finite_is_nan():
    camera = make_camera("barrel")
    behind = camera.centre - 0.5 * camera.rays(np.array([160.0, 120.0]))
    points = np.stack([behind, camera.centre, np.full(3, np.nan)])
    assert np.isnan(camera.project(points)).all()
    assert camera.depths(behind) == pytest.approx(-0.5)


def test_where_the_lens_model_folds_back_nothing_is_seen():
    camera = make_camera("barrel", extrinsics=np.eye(4))
    radii = np.array([0.2, 0.8, 3.0, 30.0])
    points = np.stack([radii, np.zeros(4), np.ones(4)], axis=-1)
    u = camera.project(points)[:, 0]
    assert np.isfinite(u[:2]).all()
    assert u[0] < u[1]
    assert np.isnan(u[2:]).all()
    far_out = np.array([camera.project(points[1])[0] * 40, 120.0])
    assert np.isnan(camera.rays(far_out)).all()


@pytest.mark.parametrize("lens", ["none", "barrel", "fisheye"])
def test_a_resized_picture_shows_the_same_at_the_same_share(lens):
    camera = make_camera(lens)
    small = camera.scaled((60, 160))
    assert (small.height, small.width) == (60, 160)
    points = points_in_sight(camera, count=20)
    shares = camera.project(points) / [320, 240]
    np.testing.assert_allclose(small.project(points) / [160, 60], shares, atol=1e-12)


def test_inside_is_within_the_edges():
    camera = make_camera()
    pixels = np.array([[0, 0], [319.9, 239.9], [320, 10], [10, -0.1], [np.nan, 3]])
    np.testing.assert_array_equal(camera.inside(pixels), [True, True, False, False, False])


SINGULAR = np.array([[0.0, 0.0, 160.0], [0.0, 205.0, 118.0], [0.0, 0.0, 1.0]])
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intrinsics": SINGULAR}, "focal lengths above 0 .*; a singular camera sees nothing"),
        ({"intrinsics": np.zeros((3, 3))}, "`intrinsics` must be"),
        ({"intrinsics": INTRINSICS * np.nan}, r"`intrinsics` must be a finite \(3, 3\) matrix"),
        ({"intrinsics": INTRINSICS[:2]}, r"`intrinsics` must be a finite \(3, 3\) matrix"),
        ({"intrinsics": INTRINSICS[[0, 1, 1]]}, "0, 0, 1"),
        ({"intrinsics": INTRINSICS + np.eye(3)[[1, 0, 2]] * [1, 0, 0]}, "upper triangular"),
        ({"extrinsics": np.full((4, 4), np.inf)}, r"`extrinsics` must be a finite \(4, 4\)"),
        ({"extrinsics": np.zeros((4, 4))}, "a rotation and a translation"),
        ({"extrinsics": np.diag([2.0, 2.0, 2.0, 1.0])}, "whose rotation is off by 3"),
        ({"extrinsics": MIRROR}, "and mirrors"),
        ({"width": 0}, "at least 1 pixel, got 0 x 240"),
        ({"distortion": np.ones(3)}, r"must have one of \(0, 4, 5\) coefficients, got"),
        ({"distortion": np.full(4, np.nan)}, "`distortion` must be finite"),
        ({"distortion_model": "brown"}, "`distortion_model` must be one of .*, got 'brown'"),
        ({"distortion_model": "equidistant"}, r"must have one of \(4,\) coefficients"),
    ],
)
def test_what_is_no_camera_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_camera(**changes)
