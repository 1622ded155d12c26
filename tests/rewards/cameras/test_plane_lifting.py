"""Points from one view and a plane."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.cameras.rig import LENS, look, rig, table_points

from kibble.rewards.cameras.lifted import Flaw
from kibble.rewards.cameras.plane_lifting import lift_by_plane
from kibble.rewards.errors import ConfigError


@pytest.mark.parametrize("lens", [None, LENS])
def test_points_at_known_heights_are_found(lens):
    camera = rig(lens)["front"]
    points = table_points(np.random.default_rng(0), 5, 4)
    lifted = lift_by_plane(camera, camera.project(points), offset=points[..., 2])
    np.testing.assert_allclose(lifted.positions, points, atol=1e-8)
    assert (lifted.flaw == Flaw.NONE).all()
    assert (lifted.error == 0).all()


def test_any_plane_will_do():
    camera = rig()["side"]
    points = table_points(np.random.default_rng(1), 6)
    points[:, 0] = 0.55 - 0.5 * points[:, 2]
    lifted = lift_by_plane(
        camera, camera.project(points), offset=0.55 * 2 / np.sqrt(5), normal=(2.0, 0.0, 1.0)
    )
    np.testing.assert_allclose(lifted.positions, points, atol=1e-8)


def test_what_shows_no_point_of_the_plane_is_said():
    camera = look((1.2, 0.0, 0.3), (0.4, 0.0, 0.3))  # level with the horizon
    pixels = np.array([[48.0, 48.0], [48.0, 10.0], [np.nan, 5.0], [48.0, 80.0]])
    lifted = lift_by_plane(camera, pixels, offset=0.0)
    np.testing.assert_array_equal(
        lifted.flaw, [Flaw.PARALLEL, Flaw.BEHIND, Flaw.UNSEEN, Flaw.NONE]
    )
    assert np.isnan(lifted.positions[:3]).all()
    assert lifted.positions[3, 2] == pytest.approx(0.0)


@pytest.mark.parametrize("normal", [(0.0, 0.0, 0.0), (np.nan, 0.0, 1.0)])
def test_a_plane_has_a_direction(normal):
    with pytest.raises(ConfigError, match="`normal` must be finite and longer than 0"):
        lift_by_plane(rig()["front"], np.zeros((1, 2)), offset=0.0, normal=normal)
