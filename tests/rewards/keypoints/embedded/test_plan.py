"""Plans travel through JSON and know their roles."""

from __future__ import annotations

import json

import pytest
from tests.keypoint_toy import PUSH, REACH

from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.keypoints.roles import Role


def test_a_plan_survives_json():
    assert Plan.parse(json.loads(json.dumps(PUSH.document()))) == PUSH


def test_roles_are_those_of_the_waypoints_and_always_gripper_and_target():
    assert REACH.roles == (Role.GRIPPER, Role.TARGET)
    assert PUSH.roles == tuple(Role)
    assert Plan(name="none", waypoints=()).roles == (Role.GRIPPER, Role.TARGET)


def test_an_unknown_role_is_refused():
    document = json.loads(json.dumps(PUSH.document()).replace('"grasp"', '"handle"'))
    with pytest.raises(ValueError, match="handle"):
        Plan.parse(document)
