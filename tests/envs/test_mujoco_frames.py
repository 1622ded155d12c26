"""Several views of MuJoCo tasks that Gymnasium ships."""

from __future__ import annotations

import doctest

import gymnasium
import numpy as np
import pytest
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel

import kibble.envs.mujoco_frames
from kibble.envs import MujocoFrames, ShapedReward, frame_source
from kibble.rewards.errors import FrameError


@pytest.fixture
def walker():
    env = MujocoFrames(
        gymnasium.make("Walker2d-v5", max_episode_steps=4),
        cameras={"front": "track", "far": None},
        image_size=(48, 64),
    )
    yield env
    env.close()


def test_doctest():
    assert doctest.testmod(kibble.envs.mujoco_frames).failed == 0


def test_views_differ_and_follow_the_state(walker):
    walker.reset(seed=0)
    assert frame_source(walker) is walker
    before = walker.frames()
    assert {view: frames.shape for view, frames in before.items()} == {
        "front": (1, 48, 64, 3),
        "far": (1, 48, 64, 3),
    }
    assert not np.array_equal(before["front"], before["far"])
    again = walker.frames(["front"])
    assert set(again) == {"front"}
    np.testing.assert_array_equal(again["front"], before["front"])
    for _ in range(3):
        walker.step(np.ones(6, np.float32))
    assert not np.array_equal(walker.frames()["front"], before["front"])


def test_rewards_can_be_shaped_from_two_views(walker):
    model = CentroidModel(
        views=("front", "far"), required_views=("front", "far"), image_size=(48, 64)
    )
    env = ShapedReward(walker, model, gamma=0.99, query_every=2, instruction="walk to the right")
    env.reset(seed=0)
    for _ in range(4):
        *_, truncated, info = env.step(np.ones(6, np.float32))
    assert truncated
    assert set(model.batches[0]) == {"front", "far"}
    assert info["reward_terms"]["task"] != 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cameras": {"front": "trak"}}, r"one of the model's, \['track'\], or None.*got 'trak'"),
        ({"cameras": {"front": None}, "image_size": (5000, 96)}, r"`image_size` must lie in"),
    ],
)
def test_what_cannot_be_rendered_is_refused(options, message):
    with gymnasium.make("Walker2d-v5") as env, pytest.raises(FrameError, match=message):
        MujocoFrames(env, **options)


def test_another_simulator_is_refused():
    with pytest.raises(FrameError, match="must have MuJoCo's `model` and `data`, got LineEnv"):
        MujocoFrames(LineEnv(), cameras={"front": None})
