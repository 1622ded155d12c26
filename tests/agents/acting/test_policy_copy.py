"""The policy that acts is one that was, never half of two."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.agents.reach_line import ReachLine
from tests.agents.small_runs import small_crossq, small_sac, small_tqc

from kibble.agents.acting.policy_copy import PolicyCopy, weights_of
from kibble.agents.builders import build_agent

SEEN = np.array([0.3, -0.2], np.float32)


def agent(config):
    venv = DummyVecEnv([ReachLine])
    return build_agent(config, venv, seed=0, device=torch.device("cpu"), observation="state")


def fill(learner, value: float) -> None:
    with torch.no_grad():
        for parameter in learner.actor.parameters():
            parameter.fill_(value)


@pytest.mark.parametrize(
    "config", [small_sac(), small_tqc(), small_crossq()], ids=lambda c: c.name
)
def test_it_acts_as_the_agent_did_when_its_weights_were_offered(config):
    learner = agent(config)
    copied = PolicyCopy(learner)
    torch.manual_seed(5)
    earlier = copied.act(SEEN)
    fill(learner, 0.05)
    torch.manual_seed(5)
    np.testing.assert_array_equal(copied.act(SEEN), earlier)
    copied.offer(weights_of(learner))
    torch.manual_seed(5)
    newest = copied.act(SEEN)
    assert not np.array_equal(newest, earlier)
    torch.manual_seed(5)
    np.testing.assert_allclose(newest, learner.predict(SEEN)[0], atol=1e-6)


def test_weights_of_two_moments_are_never_mixed():
    learner = agent(small_sac())
    copied = PolicyCopy(learner)
    fill(learner, 0.01)
    copied.offer(weights_of(learner))
    mixed: list[bool] = []

    def act() -> None:
        for _ in range(50):
            copied.act(SEEN)
            weights = [p.detach().numpy().ravel()[0] for p in copied._policy.actor.parameters()]
            mixed.append(len(set(weights)) > 1)

    thread = threading.Thread(target=act)
    thread.start()
    value = 0.01
    while thread.is_alive():
        value += 0.01
        fill(learner, value)
        copied.offer(weights_of(learner))
    assert mixed == [False] * 50
