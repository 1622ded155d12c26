"""What stands above environments in a run works above a robot's, too."""

from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.small_robot import Workshop
from tests.reward_models import CentroidModel

from kibble.agents.environments import make_observed
from kibble.agents.resumable import Resumable
from kibble.envs import ShapedReward

pytest.importorskip("rosbags")
pytest.importorskip("yaml")

GAMMA = 0.9


@pytest.fixture
def shop(tmp_path):
    made = Workshop(tmp_path)
    yield made
    made.env.close()


@pytest.mark.parametrize(
    ("observation", "shape"), [("state", (3,)), ("relative", (1,)), ("pixels", (12, 16, 3))]
)
def test_what_the_agent_sees_is_made_of_the_robots_observation(shop, observation, shape):
    env = make_observed(shop.env, observation, None)
    obs, _ = env.reset()
    assert obs.shape == env.observation_space.shape == shape
    assert env.observation_space.contains(obs)


def test_a_run_that_goes_on_begins_the_robots_episode_anew(shop):
    env = Resumable(shop.env)
    env.reset()
    assert not env.can_restore()
    env.give_state(env.take_state())


@pytest.mark.parametrize("reach", [False, True])
def test_shaping_sees_the_last_frame_of_an_episode(tmp_path, reach):
    shop = Workshop(tmp_path, ("steps: 20", "steps: 5"), ("dwell: 0.2", "dwell: 0.0"))
    env = ShapedReward(shop.env, CentroidModel(), gamma=GAMMA)
    _, info = env.reset()
    first, total = info["phi"], 0.0
    for number in range(9):
        move = np.array([1.0 if reach else 0.1, 0.0, 0.0], np.float32)
        _, _, terminated, truncated, info = env.step(move)
        total += GAMMA**number * info["reward_terms"]["shaping"]
        if terminated or truncated:
            break
    assert (terminated, truncated) == (reach, not reach)
    assert info["phi"] != first
    last = 0.0 if terminated else info["phi"]
    assert total == pytest.approx(GAMMA ** (number + 1) * last - first)
    env.close()
