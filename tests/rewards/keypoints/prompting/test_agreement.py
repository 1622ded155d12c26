"""How much several answers agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.agreement import agree, choice_distance, plan_distance
from kibble.rewards.keypoints.prompting.chosen import Said, agreed_marks, label_probability
from kibble.rewards.keypoints.prompting.slots import Slot
from kibble.rewards.keypoints.prompting.step import Step
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.vlm.questions import Token

POINTS = st.none() | st.tuples(st.floats(0, 96), st.floats(0, 96))
STEPS = st.builds(
    Step,
    mover=st.sampled_from([Role.GRIPPER, Role.FUNCTION]),
    to=st.sampled_from(["target", "grasp", "a1", "b4", "e5"]),
    height=st.sampled_from([0.0, 0.05, 0.2]),
    fingers=st.sampled_from(["open", "closed", "any"]),
)
PLANS = st.lists(STEPS, min_size=1, max_size=4).map(tuple)


def between(one, other):
    return choice_distance(one, other, reach=9.6)


def apart(one, other):
    return plan_distance(one, other, tiles=Tiles())


@given(POINTS, POINTS, PLANS, PLANS)
def test_distances_are_symmetric_in_0_to_1_and_0_for_the_same(point, other, plan, way):
    for distance, one, two in ((between, point, other), (apart, plan, way)):
        assert 0.0 <= distance(one, two) <= 1.0
        assert distance(one, two) == pytest.approx(distance(two, one))
        assert distance(one, one) == 0.0


@given(st.lists(POINTS, min_size=1, max_size=6), st.integers(0, 3))
def test_the_confidence_is_in_0_to_1_and_falls_with_failures(points, failed):
    agreed = agree(points, between, asked=len(points) + failed)
    assert agreed.answer in points
    assert 0.0 <= agreed.confidence <= 1.0
    more = agree(points, between, asked=len(points) + failed + 1)
    assert more.confidence <= agreed.confidence + 1e-9
    assert more.answer == agreed.answer


def test_all_the_same_is_certain_and_all_different_is_not():
    assert agree([(5.0, 5.0)] * 4, between, asked=4).confidence == 1.0
    corners = [(0.0, 0.0), (90.0, 0.0), (0.0, 90.0)]
    assert agree(corners, between, asked=3).confidence == 0.0


def test_the_majority_is_chosen_and_near_marks_agree():
    agreed = agree([(80.0, 80.0), (10.0, 10.0), (12.0, 10.0)], between, asked=3)
    assert agreed.answer in [(10.0, 10.0), (12.0, 10.0)]
    assert agreed.confidence == pytest.approx(1.0 - (2.0 / 9.6 + 1.0) / 2.0)


def test_a_mark_and_none_do_not_agree():
    assert between(None, (1.0, 1.0)) == 1.0
    assert agree([None, None, (1.0, 1.0)], between, asked=3).answer is None


@pytest.mark.parametrize(("answers", "asked"), [([], 3), ([1, 2], 1)])
def test_there_must_be_answers_and_no_more_than_asked_for(answers, asked):
    with pytest.raises(ConfigError, match=f"must be 1 to {asked} answers"):
        agree(answers, between, asked=asked)


def step(**changes):
    return Step(
        **{"mover": Role.GRIPPER, "to": "target", "height": 0.0, "fingers": "any"} | changes
    )


@pytest.mark.parametrize(
    ("changes", "distance"),
    [
        ({}, 0.0),
        ({"height": 0.05}, 0.5),
        ({"height": 0.20}, 1.0),
        ({"fingers": "open"}, 0.5),
        ({"mover": Role.FUNCTION}, 1.0),
        ({"to": "grasp"}, 1.0),
    ],
)
def test_ways_differ_by_their_steps(changes, distance):
    assert apart((step(),), (step(**changes),)) == pytest.approx(distance)
    assert apart((step(),), (step(), step(**changes))) == 1.0


def test_tiles_that_are_neighbours_are_half_the_same():
    assert apart((step(to="b2"),), (step(to="b3"),)) == pytest.approx(0.5)
    assert apart((step(to="a1"),), (step(to="e5"),)) == 1.0


def test_one_sample_is_as_sure_as_its_label():
    slot = Slot(
        view="front", role=Role.TARGET, marks={"7": (1.0, 2.0)}, tiles=Tiles(), size=(96, 96)
    )
    said = [{slot.key: Said(label="7", probability=0.3)}]
    one = agreed_marks(said, [slot], {"front": (96, 96)}, asked=1)
    assert one.keypoint(Role.TARGET).confidence == 0.3
    assert one.present == (Role.TARGET,)
    two = agreed_marks(said * 2, [slot], {"front": (96, 96)}, asked=2)
    assert two.keypoint(Role.TARGET).confidence == 1.0
    none = agreed_marks([{slot.key: Said(label="none")}], [slot], {"front": (96, 96)}, asked=1)
    assert none.present == ()


def test_the_probability_of_a_label_is_that_of_its_own_key():
    tokens = [
        Token(text='{"a": "', logprob=-5.0),
        Token(text="7", logprob=-0.5),
        Token(text='", "b": "', logprob=-4.0),
        Token(text="7", logprob=-1.5),
        Token(text='"}', logprob=-3.0),
    ]
    first, second = (label_probability(tokens, key, "7") for key in "ab")
    assert (first, second) == pytest.approx((np.exp(-0.5), np.exp(-1.5)))
    assert label_probability(tokens, "c", "7") == 1.0
    assert label_probability((), "a", "7") == 1.0
