from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from tests.agents.small_runs import small_run, small_sac
from tests.line_env import LineEnv

from kibble.agents.observations import ScaledObservation
from kibble.agents.reset_policy import load_reset_policy
from kibble.agents.train import train
from kibble.rewards.errors import CheckpointError, ConfigError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "back"
    train(small_run(path, steps=150, agent=small_sac(learning_starts=50)))
    return str(path)


def test_a_run_becomes_what_maps_raw_observations_to_actions(run):
    env = gymnasium.make("tests/ReachLine-v0", disable_env_checker=True)
    policy = load_reset_policy(run, env)
    observation = np.array([0.5, -0.5], np.float32)
    action = policy(observation)
    assert action.shape == (1,)
    assert action.dtype == np.float32
    assert np.array_equal(action, policy(observation))
    # It sees what the agent saw in training: the same place under other bounds is another.
    env.unwrapped.observation_space = gymnasium.spaces.Box(-8.0, 8.0, (2,), np.float32)
    wider = load_reset_policy(run, gymnasium.Wrapper(env.unwrapped))
    scaled = ScaledObservation(env.unwrapped).observation(observation)
    assert scaled.tolist() == pytest.approx([0.0625, -0.0625])
    assert not np.array_equal(action, wider(observation))


def test_a_run_of_another_environment_is_refused(run):
    with pytest.raises(ConfigError, match="must observe what the robot does"):
        load_reset_policy(run, LineEnv())


def test_a_run_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"without config\.yaml"):
        load_reset_policy(str(tmp_path), LineEnv())


def test_a_run_that_sees_pictures_is_refused(run, tmp_path):
    source = (tmp_path.parent / "seen") / "config.yaml"
    source.parent.mkdir()
    text = (Path(run) / "config.yaml").read_text()
    source.write_text(text.replace("observation: state", "observation: pixels"))
    with pytest.raises(ConfigError, match=r"observation=state or relative .* got pixels and 1"):
        load_reset_policy(str(source.parent), LineEnv())
