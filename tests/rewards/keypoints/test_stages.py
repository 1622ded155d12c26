from __future__ import annotations

import math

import numpy as np
import pytest
from tests.rewards.keypoints.scripted import PUSH, X, Z, scene

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.path import Path
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.stages import PATIENCE, Rules, Stage, follow, stage_potential
from kibble.rewards.keypoints.waypoint import Waypoint

RULES = Rules(tolerance=0.02)
PATH = Path(waypoints=PUSH, places=np.full((3, 3), np.nan))
CUBE = np.array([0.4, 0.0, 0.05])
GRASP = CUBE - [0.046, 0.0, 0.025]
OVER = GRASP + 0.06 * Z


def gone(*scenes, stage=None, rules=RULES):
    stage = Stage.at_start(3) if stage is None else stage
    for one in scenes:
        stage = follow(stage, PUSH, PATH.gaps(one), rules)
    return stage


def potential(stage, one):
    return stage_potential(stage, PUSH, PATH.gaps(one), RULES)


def test_the_way_is_reached_waypoint_by_waypoint():
    assert gone(scene([0.2, 0.1, 0.2])).reached == 0
    assert gone(scene([0.2, 0.1, 0.2]), scene(OVER)).reached == 1
    assert gone(scene(OVER), scene(GRASP)).reached == 2
    assert gone(scene(GRASP), scene(GRASP + 0.2 * X, CUBE + 0.2 * X)).reached == 3


def test_a_potential_goes_on_where_the_stage_before_ended():
    at = scene(OVER)
    before, after = Stage.at_start(3), gone(scene([0.2, 0.1, 0.2]), at)
    assert before.reached + 1 == after.reached
    assert potential(after, at) == pytest.approx(1 / 3)


def test_who_reaches_the_grasp_from_aside_need_not_go_over_it():
    start = scene([0.2, 0.0, 0.025])
    assert gone(start, scene(GRASP)).reached == 2


def test_a_thing_at_its_place_is_the_end_however_it_came_there():
    assert gone(scene([0.2, 0.1, 0.2], CUBE + 0.2 * X)).reached == 3


def test_the_first_stage_has_room_to_go_the_wrong_way():
    start, away = scene([0.2, 0.1, 0.2]), scene([0.18, 0.12, 0.22])
    assert 0 < potential(gone(start, away), away) < potential(gone(start), start) < 1 / 3


def test_a_lost_grasp_falls_back_after_patience_and_pays_the_same_when_it_is_found_again():
    held = gone(scene(OVER), scene(GRASP))
    halfway = scene(GRASP + 0.1 * X, CUBE + 0.1 * X)
    held = gone(halfway, stage=held)
    before = potential(held, halfway)
    away = scene([0.2, 0.2, 0.2], CUBE + 0.1 * X)
    for number in range(PATIENCE):
        held = gone(away, stage=held)
        assert (held.reached, held.outside) == (2, number + 1)
    fallen = gone(away, stage=held)
    assert fallen.reached == 0
    assert potential(fallen, away) < 1 / 3
    again = gone(scene(OVER + 0.1 * X, CUBE + 0.1 * X), halfway, stage=fallen)
    assert potential(again, halfway) == before


def test_one_wrong_frame_is_no_loss():
    held = gone(scene(OVER), scene(GRASP))
    away, back = scene([0.2, 0.2, 0.2]), scene(GRASP)
    for _ in range(4):
        held = gone(away, back, stage=held)
    assert (held.reached, held.outside) == (2, 0)


def test_without_falling_back_a_stage_stays():
    rules = Rules(tolerance=0.02, fall_back=False)
    held = gone(scene(OVER), scene(GRASP), rules=rules)
    assert gone(*[scene([0.2, 0.2, 0.2])] * 9, stage=held, rules=rules).reached == 2


def test_who_leaves_the_line_between_two_waypoints_is_back_at_the_first():
    above = gone(scene(OVER))
    assert gone(*[scene((OVER + GRASP) / 2)] * 9, stage=above).reached == 1
    assert gone(*[scene(GRASP - 0.05 * X)] * 9, stage=above).reached == 1
    assert gone(*[scene(GRASP - 0.07 * X)] * 9, stage=above).reached == 0


def test_what_is_done_stays_done_within_three_tolerances():
    done = gone(scene(GRASP, CUBE + 0.2 * X))
    near, far = (scene([0.2, 0.2, 0.2], CUBE + (0.2 - d) * X) for d in (0.05, 0.07))
    assert gone(*[near] * 9, stage=done).reached == 3
    assert potential(done, near) == 1.0
    assert gone(*[far] * 9, stage=done).reached == 0  # the hand is away too


def test_what_is_not_known_changes_nothing():
    stage = gone(scene(OVER))
    lost = scene(OVER)
    lost[0] = np.nan
    assert gone(lost, stage=stage) == stage
    unknown_end = scene(GRASP)
    unknown_end[3] = np.nan
    assert gone(unknown_end, stage=stage).reached == 1  # the next stage cannot begin


def test_stages_of_other_movers_are_not_skipped():
    twice = Waypoint(mover=Role.GRIPPER, anchor=Role.TARGET)
    way = (twice, Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP), twice)
    path = Path(waypoints=way, places=np.full((3, 3), np.nan))
    at_target = path.gaps(scene([0.6, 0.0, 0.0]))
    assert follow(Stage.at_start(3), way, at_target, RULES).reached == 1


def test_a_state_is_plain_data_and_back():
    stage = gone(scene(OVER))
    again = Stage.restored(stage.plain())
    assert again.reached == 1
    np.testing.assert_array_equal(again.lengths, stage.lengths)
    assert math.isnan(again.lengths[2])


@pytest.mark.parametrize("tolerance", [0.0, -0.1, math.nan, math.inf])
def test_a_tolerance_is_a_number_above_0(tolerance):
    with pytest.raises(ConfigError, match="`tolerance` of a waypoint must be above 0"):
        Rules(tolerance=tolerance)


def test_a_waypoint_on_the_way_to_another_is_passed_at_twice_the_tolerance():
    assert gone(scene(OVER + 0.03 * X)).reached == 1
    assert gone(scene(OVER), scene(GRASP + 0.03 * X)).reached == 1  # the grasp itself is not


def test_a_thing_that_nearly_arrived_may_be_let_go():
    held = gone(scene(OVER), scene(GRASP))
    away = [0.2, 0.2, 0.2]
    near, not_yet = (scene(away, CUBE + (0.2 - d) * X) for d in (0.035, 0.045))
    assert gone(*[near] * 9, stage=held).reached == 2
    assert gone(*[not_yet] * 9, stage=held).reached == 0
