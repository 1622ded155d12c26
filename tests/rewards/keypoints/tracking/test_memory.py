"""What an episode remembers at its start."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.tracking.moving_square import picture, proposal

from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.memory import first_memory, tracks_of
from kibble.rewards.keypoints.tracks import TrackState

FUNCTION = ROLES.index(Role.FUNCTION)
AT = (30.5, 40.5)


def test_right_after_the_start_the_tracks_are_the_proposal() -> None:
    memory = first_memory("push", proposal(AT, confidence=0.7), picture(AT))
    tracks = tracks_of([memory], ["front"])
    np.testing.assert_array_equal(tracks.pixels["front"][0, FUNCTION], AT)
    assert tracks.state["front"][0, FUNCTION] == TrackState.SEEN
    assert tracks.confidence["front"][0, FUNCTION] == pytest.approx(0.7)


def test_a_role_that_is_not_proposed_is_lost() -> None:
    tracks = tracks_of([first_memory("push", proposal(AT), picture(AT))], ["front"])
    assert tracks.state["front"][0, ROLES.index(Role.GRASP)] == TrackState.LOST
    assert tracks.confidence["front"][0, ROLES.index(Role.GRASP)] == 0


def test_a_proposal_on_a_larger_picture_is_scaled() -> None:
    small = {"front": picture(AT)["front"][:, ::2, ::4]}
    tracks = tracks_of([first_memory("push", proposal(AT), small)], ["front"])
    np.testing.assert_allclose(tracks.pixels["front"][0, FUNCTION], (30.5 / 4, 40.5 / 2))
