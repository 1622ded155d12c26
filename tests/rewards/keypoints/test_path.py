from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.scripted import PUSH, scene

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.path import Path
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

FREE = Waypoint(
    mover=Role.FUNCTION, pixels={"front": (3.0, 4.0)}, height=0.1, gripper=GripperState.CLOSED
)


def test_a_gap_leads_from_where_the_mover_should_be_to_where_it_is():
    path = Path(waypoints=PUSH, places=np.full((3, 3), np.nan))
    gaps = path.gaps(scene([0.354, 0.0, 0.125]))
    np.testing.assert_allclose(gaps, [[0, 0, 0.04], [0, 0, 0.1], [-0.2, 0, 0]], atol=1e-12)


def test_a_place_of_its_own_does_not_move_with_any_role():
    places = np.array([[np.nan] * 3, [0.1, 0.2, 0.3]])
    path = Path(waypoints=(PUSH[0], FREE), places=places)
    np.testing.assert_array_equal(path.goals(scene([9, 9, 9]))[1], [0.1, 0.2, 0.3])


def test_a_picture_merges_what_is_one_above_the_other():
    places = np.array([[np.nan, np.nan]] * 3 + [[3.0, 4.0]])
    flat = Path(waypoints=(*PUSH, FREE), places=places).flat()
    assert flat.waypoints == (PUSH[1], PUSH[2], FREE)
    np.testing.assert_array_equal(flat.places[2], [3.0, 4.0])
    positions = np.array([[1.0, 1.0], [2.0, 3.0], [4.0, 4.0], [9.0, 4.0]])
    np.testing.assert_array_equal(flat.gaps(positions), [[-1, -2], [-5, 0], [1, 0]])


def test_a_path_is_plain_data_and_back(tmp_path):
    places = np.array([[np.nan] * 3, [0.1, 0.2, 0.3]])
    path = Path(waypoints=(PUSH[0], FREE), places=places)
    save_tree(tmp_path / "path", path.plain())
    again = Path.restored(load_tree(tmp_path / "path"))
    assert again.waypoints == path.waypoints
    np.testing.assert_array_equal(again.places, places)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 3)])
def test_places_fit_the_waypoints(shape):
    with pytest.raises(ProposalError, match="one row per waypoint"):
        Path(waypoints=PUSH, places=np.zeros(shape))
