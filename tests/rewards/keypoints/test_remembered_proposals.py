from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.remembered_proposals import RememberedProposals
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint


class BrightestPixel:
    """Proposes the brightest pixel as target; counts how often it was asked."""

    name, version = "brightest", "1"

    def __init__(self):
        self.asked = 0

    def propose(self, instruction, frames):
        self.asked += 1
        image = frames["front"][0].sum(axis=2)
        if image.max() == image.min():
            raise ProposalError("Nothing is bright.")
        v, u = np.unravel_index(image.argmax(), image.shape)
        points = {Role.GRIPPER: (1.0, 1.0), Role.TARGET: (float(u), float(v))}
        return Proposal(
            keypoints={role: Keypoint(pixels={"front": at}) for role, at in points.items()},
            waypoints=(Waypoint(mover=Role.GRIPPER, anchor=Role.TARGET),),
            sizes={"front": image.shape},
            source=self.name,
        )


def scene(u, noise=0):
    image = np.full((1, 96, 96, 3), 50, np.uint8)
    image[0, 40:50, u : u + 10] = 250
    extra = np.random.default_rng(noise).integers(0, 1 + min(noise, 1) * 5, image.shape)
    return {"front": np.clip(image + extra, 0, 255).astype(np.uint8)}


def test_the_same_scene_is_asked_about_once():
    asked = BrightestPixel()
    proposer = RememberedProposals(asked)
    first = proposer.propose("reach it", scene(20))
    assert proposer.propose("reach it", scene(20, noise=7)) is first
    depth = {"front_depth": np.random.default_rng(0).integers(0, 255, (1, 96, 96, 3), np.uint8)}
    assert proposer.propose("reach it", scene(20) | depth) is first
    assert asked.asked == 1


def test_another_scene_or_sentence_is_asked_about():
    asked = BrightestPixel()
    proposer = RememberedProposals(asked)
    first = proposer.propose("reach it", scene(20))
    other = proposer.propose("reach it", scene(30))
    assert other.keypoints != first.keypoints
    proposer.propose("touch it", scene(20))
    assert asked.asked == 3
    assert proposer.propose("reach it", scene(20)) is first
    assert asked.asked == 3


def test_a_failure_is_not_remembered():
    asked = BrightestPixel()
    proposer = RememberedProposals(asked)
    empty = {"front": np.zeros((1, 96, 96, 3), np.uint8)}
    for _ in range(2):
        with pytest.raises(ProposalError, match="Nothing is bright"):
            proposer.propose("reach it", empty)
    assert asked.asked == 2


def test_it_goes_by_the_name_of_who_is_asked():
    proposer = RememberedProposals(BrightestPixel(), alike=0.0)
    assert (proposer.name, proposer.version) == ("brightest", "1")


@pytest.mark.parametrize("alike", [-0.1, 1.0, float("nan")])
def test_a_likeness_out_of_range_is_refused(alike):
    with pytest.raises(ConfigError, match="`alike` must lie in"):
        RememberedProposals(BrightestPixel(), alike=alike)
