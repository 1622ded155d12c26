"""What holds for the keypoint potential under random proposals, losses and re-proposals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rewards.keypoints.scripted import ScriptedLocator, frames, reward

from kibble.rewards import Status, Task
from kibble.rewards.combination import CombinedModel
from kibble.rewards.keypoints.reward import KeypointReward
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.shaper import Shaper

TASK = Task(instruction="push the red cube onto the green pad")
STEPS = 40


@st.composite
def waypoints(draw):
    """One to five waypoints of any kind."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        mover = draw(st.sampled_from([Role.GRIPPER, Role.FUNCTION]))
        anchor = draw(st.sampled_from([role for role in Role if role is not mover]))
        height = draw(st.floats(-0.1, 0.1))
        found.append(Waypoint(mover=mover, anchor=anchor, height=height))
    return tuple(found)


@st.composite
def worlds(draw):
    """Places that wander or leap, roles that come and go, and proposals at any row."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.003, 0.03, 0.3]))  # m per frame
    start = rng.uniform(-0.3, 0.3, (1, 4, 3))
    positions = start + np.cumsum(rng.normal(scale=size, size=(STEPS, 4, 3)), axis=0)
    state = rng.choice(
        [TrackState.SEEN, TrackState.OCCLUDED, TrackState.LOST],
        p=draw(st.sampled_from([(1.0, 0.0, 0.0), (0.6, 0.2, 0.2), (0.2, 0.1, 0.7)])),
        size=(STEPS, 4),
    ).astype(np.int8)
    offers = st.one_of(st.none(), st.tuples(waypoints(), st.sampled_from([0.0, 0.4, 1.0])))
    proposals = draw(st.dictionaries(st.integers(1, STEPS - 1), offers, max_size=6))
    proposals[0] = draw(st.tuples(waypoints(), st.sampled_from([0.0, 0.5, 1.0])))
    return ScriptedLocator(positions, state, proposals)


@st.composite
def models(draw, falls_back=(False, True)) -> KeypointReward:
    variant = draw(st.sampled_from(list(Variant)))
    locator = draw(worlds())
    if variant is not Variant.METRIC:
        pixels = (locator.positions[:, :, :2] + 0.3) * 20
        locator = ScriptedLocator(pixels, locator.state, locator.proposals)
    return reward(
        locator,
        variant=variant,
        view="front",
        reproposals=draw(st.integers(0, 3)),
        fall_back=draw(st.sampled_from(falls_back)),
    )


@settings(max_examples=60, deadline=None)
@given(models())
def test_every_value_is_in_range_and_held_where_nothing_is_known(model):
    episode = model.begin(TASK, frames(0))
    assert 0.0 <= episode.progress <= 1.0
    before = episode.progress
    for t in range(1, STEPS):
        estimate = model.estimate([episode], frames(t))  # checks the ranges itself
        assert estimate.status.tolist() == [Status.OK]
        if estimate.confidence[0] == 0.0:
            assert estimate.progress[0] == np.float32(before)
            assert estimate.success[0] == 0.0
        before = episode.progress


@settings(max_examples=40, deadline=None)
@given(models(falls_back=(False,)))
def test_without_falling_back_reached_waypoints_stay_paid(model):
    episode = model.begin(TASK, frames(0))
    for t in range(1, STEPS):
        waypoints_before = episode.memory["path"]["waypoints"]
        reached = episode.memory["stage"]["reached"]
        model.estimate([episode], frames(t))
        if episode.memory["path"]["waypoints"] == waypoints_before:
            assert episode.memory["stage"]["reached"] >= reached
            assert episode.progress >= reached / len(waypoints_before) - 1e-12


@settings(max_examples=40, deadline=None)
@given(
    models(),
    st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    st.sampled_from(["terminated", "truncated"]),
    st.booleans(),
)
def test_shaping_by_it_telescopes(model, gamma, end, combined):
    if combined:
        other = reward(ScriptedLocator(np.random.default_rng(0).normal(size=(STEPS, 4, 3)) / 9))
        model = CombinedModel([model, other], "weighted", weights=[1.0, 3.0])
    shaper = Shaper(model, slots=1, gamma=gamma)
    shaper.begin({0: (TASK, frames(0))})
    first = float(shaper.potential.phi[0])
    total = 0.0
    for t in range(1, STEPS):
        last = t == STEPS - 1
        ended = np.array([last and end == "terminated"])
        step = shaper.step(
            np.zeros(1),
            ended,
            np.array([last and end == "truncated"]),
            {0: frames(t)},
        )
        total += gamma ** (t - 1) * float(step.total[0])
    final = 0.0 if end == "terminated" else gamma ** (STEPS - 1) * float(shaper.potential.phi[0])
    assert total == pytest.approx(final - first, abs=1e-9)
