"""A cloned actor acts like its demonstrations, and stays as it is while its critic warms up."""

from __future__ import annotations

import dataclasses
import re

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
from tests.agents.test_resume import policy

from kibble.agents.builders import build_agent
from kibble.agents.config import RewardConfig, TaskConfig
from kibble.agents.critic_warmup import CriticWarmup
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.recorder import record
from kibble.agents.environments import build_environments
from kibble.agents.train import run_training
from kibble.agents.warm_start import clone_actor
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)
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


@pytest.mark.parametrize("agent", [AGENTS["sac"], AGENTS["ppo"]], ids=["sac", "ppo"])
def test_a_clone_reaches_the_goal_from_its_first_episodes(tmp_path, agent):
    agent = built(tmp_path, agent)
    clone_actor(agent, *expert(200, np.random.default_rng(0)), steps=400, std=0.3)
    venv = agent.get_env()
    venv.seed(5)
    shown, ended = venv.reset(), []
    for _ in range(300):
        actions, _ = agent.predict(shown, deterministic=True)
        shown, _, dones, infos = venv.step(actions)
        ended += [info["is_success"] for info, done in zip(infos, dones, strict=True) if done]
    assert len(ended) >= 15  # the time limit would allow 15 failures
    assert np.mean(ended) >= 0.9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demonstrations") / "reach"
    record(DemosConfig(task=REACH, episodes=2, seed=3, out=str(out)))
    return out


@pytest.mark.parametrize("observation", ["state", "relative"])
def test_ppo_begins_with_demonstrations_and_resumes_without_cloning_again(
    folder, tmp_path, capsys, observation
):
    config = small_run(
        tmp_path / "whole",
        task=REACH,
        reward=RewardConfig(),
        agent=small_ppo(n_steps=32, warm_start_steps=150, critic_warmup_steps=64),
        demonstrations=str(folder),
        observation=observation,
        steps=160,
        quiet=False,
    )
    whole = run_training(config)
    said = capsys.readouterr().err
    before, after = (
        float(number) for number in re.search(r"fell from ([\d.]+) to ([\d.]+)\.", said).groups()
    )
    assert after < 0.5 * before
    short = dataclasses.replace(config, run=str(tmp_path / "short"), steps=96)
    run_training(short)
    capsys.readouterr()
    run_training(dataclasses.replace(short, resume=True, steps=160))
    assert "Warm start" not in capsys.readouterr().err
    for name, weights in policy(whole.path).items():
        assert torch.equal(weights, policy(tmp_path / "short")[name]), name


def test_warm_up_needs_an_actor_of_its_own(tmp_path):
    with pytest.raises(ConfigError, match="there actor and critic share what they see"):
        small_run(tmp_path, agent=small_ppo(critic_warmup_steps=5), observation="pixels")


def test_discrete_actions_cannot_be_cloned(tmp_path):
    cart = TaskConfig(name="cart", id="CartPole-v1")
    config = small_run(tmp_path, task=cart, agent=small_ppo(), reward=RewardConfig())
    venv = build_environments(config, None)
    agent = build_agent(
        config.agent, venv, seed=0, device=torch.device("cpu"), observation="state"
    )
    shown = np.zeros((3, 4), np.float32)
    with pytest.raises(ConfigError, match=r"`agent.warm_start_steps` needs continuous actions"):
        clone_actor(agent, shown, np.zeros((3, 1), np.float32), steps=1, std=0.3)
