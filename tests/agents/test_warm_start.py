"""A cloned actor acts like its demonstrations, and stays as it is while its critic warms up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.agents.small_runs import (
    LINE,
    small_crossq,
    small_ppo,
    small_run,
    small_sac,
    small_tqc,
)

from kibble.agents.builders import build_agent
from kibble.agents.critic_warmup import CriticWarmup
from kibble.agents.environments import build_environments
from kibble.agents.warm_start import clone_actor

AGENTS = {
    "sac": small_sac(learning_starts=20),
    "tqc": small_tqc(learning_starts=20),
    "crossq": small_crossq(learning_starts=20),
    "ppo": small_ppo(n_steps=32),
}


def built(path, agent):
    venv = build_environments(small_run(path, task=LINE, agent=agent), None)
    return build_agent(agent, venv, seed=0, device=torch.device("cpu"), observation="state")


def expert(count, rng):
    """Observations as the scaled line shows them, and the best actions there."""
    shown = rng.uniform(-1.0, 1.0, (count, 2)).astype(np.float32)
    return shown, np.clip(shown[:, 1:] * 2.0 / 0.2, -1.0, 1.0)


def actor_of(agent):
    parts = ("mlp_extractor.policy_net", "action_net", "log_std", "actor.", "average.")
    return {
        name: value.clone()
        for name, value in agent.policy.state_dict().items()
        if name.startswith(parts)
    }


def rest_of(agent):
    actor = actor_of(agent)
    return {k: v.clone() for k, v in agent.policy.state_dict().items() if k not in actor}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_cloned_actor_acts_like_the_demonstrations(tmp_path, agent):
    agent = built(tmp_path, agent)
    rest = rest_of(agent)
    cloning = clone_actor(agent, *expert(200, np.random.default_rng(0)), steps=400, std=0.3)
    shown, wanted = expert(200, np.random.default_rng(1))
    acted, _ = agent.predict(shown, deterministic=True)
    assert np.square(acted - wanted).mean() < 0.25 * wanted.var()  # chance: about 1
    assert cloning.after < 0.25 * wanted.var() < cloning.before
    assert same(rest, rest_of(agent))
    sampled = np.stack([agent.predict(np.zeros((1, 2), np.float32))[0] for _ in range(200)])
    assert 0.2 < sampled.std() < 0.4


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_actor_is_still_while_the_critic_warms_up(tmp_path, agent):
    agent = built(tmp_path, agent)
    actor, rest = actor_of(agent), rest_of(agent)
    agent.learn(96, callback=CriticWarmup(97))
    assert same(actor, actor_of(agent))
    assert not same(rest, rest_of(agent))
    rest = rest_of(agent)
    agent.learn(96, callback=CriticWarmup(97), reset_num_timesteps=False)
    assert not same(actor, actor_of(agent))
    assert not same(rest, rest_of(agent))
