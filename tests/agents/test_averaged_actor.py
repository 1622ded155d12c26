"""The agent explores by its newest actor and is evaluated by an average of the last ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.agents.small_runs import LINE, ORACLE, small_run, small_sac

from kibble.agents.builders import build_agent
from kibble.agents.critics import TwinSACPolicy
from kibble.agents.environments import build_environments
from kibble.rewards.errors import ConfigError


def _trained(tmp_path, **settings):
    config = small_run(tmp_path, task=LINE, reward=ORACLE, agent=small_sac(**settings))
    venv = build_environments(config, None)
    agent = build_agent(
        config.agent, venv, seed=0, device=torch.device("cpu"), observation="state"
    )
    agent.learn(300)
    assert isinstance(agent.policy, TwinSACPolicy)
    venv.close()
    return agent.policy


def _weights(actor):
    return torch.cat([value.flatten() for value in actor.parameters()])


def test_the_average_acts_where_no_exploration_is_wanted(tmp_path):
    policy = _trained(tmp_path, actor_average=0.001)
    shown = np.linspace(-1.0, 1.0, 10, dtype=np.float32)
    shown = np.tile(shown[:, None], policy.observation_space.shape)
    acted, _ = policy.predict(shown, deterministic=True)
    tensors = torch.as_tensor(shown)
    with torch.no_grad():
        averaged = policy.average(tensors, deterministic=True).numpy()
        newest = policy.actor(tensors, deterministic=True).numpy()
    np.testing.assert_allclose(acted, averaged, atol=1e-6)
    assert np.abs(acted - newest).max() > 1e-4
    assert not any(value.requires_grad for value in policy.average.parameters())


def test_a_share_of_one_follows_the_newest_actor(tmp_path):
    policy = _trained(tmp_path, actor_average=1.0)
    torch.testing.assert_close(_weights(policy.average), _weights(policy.actor))


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ConfigError, match=r"`agent\.actor_average` must"):
        small_sac(actor_average=share)
