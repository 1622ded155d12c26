"""A chunk of actions pays what its steps pay, and shaping telescopes over it."""

from __future__ import annotations

import dataclasses
import json

import gymnasium
import numpy as np
import pytest
import torch
from tests.agents.small_runs import LINE, ORACLE, RESUMABLE, small_ppo, small_run, small_sac
from tests.agents.test_resume import cut_short, records, resumed, scalars

from kibble.agents.action_chunks import ActionChunks, chunk_signals
from kibble.agents.config import EvaluateConfig, RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.demonstrated import demonstrated_transitions
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record
from kibble.agents.environments import build_environments, make_environment
from kibble.agents.episode_log import read_episodes
from kibble.agents.evaluate import run_evaluation
from kibble.agents.reflecting import reflecting_of
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError
from kibble.rewards.rule import ShapingRule
from kibble.rewards.signals import Signals

GAMMA = 0.9
REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


class Walk(gymnasium.Env):
    """Counts its steps, pays their number, ends after five."""

    observation_space = gymnasium.spaces.Box(0.0, 9.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 2.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.done = []
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.done.append(action.tolist())
        count = len(self.done)
        info = {"penalties": {"speed": 0.5}, "infraction": count == 2}
        return np.array([count], np.float32), float(count), count == 5, False, info


def test_a_chunk_does_its_actions_in_order_and_pays_their_discounted_sum():
    env = ActionChunks(Walk(), chunk=3, gamma=GAMMA)
    env.reset()
    assert env.action_space.shape == (6,)
    assert env.action_space.high.tolist() == [2.0] * 6
    observation, reward, terminated, _, info = env.step(np.arange(6, dtype=np.float32))
    assert env.unwrapped.done == [[0, 1], [2, 3], [4, 5]]
    assert (observation.item(), terminated) == (3.0, False)
    assert reward == pytest.approx(1 + GAMMA * 2 + GAMMA**2 * 3)
    assert info["chunk"] == {"steps": 3, "return": 6.0}
    assert (info["penalties"], info["infraction"]) == ({"speed": 0.125}, True)
    _, reward, terminated, _, info = env.step(np.zeros(6, np.float32))
    assert terminated
    assert reward == pytest.approx(4 + GAMMA * 5)
    assert info["chunk"] == {"steps": 2, "return": 9.0}


def test_actions_that_are_no_box_cannot_be_chunked():
    with pytest.raises(ConfigError, match=r"`agent.chunk` needs flat continuous actions"):
        ActionChunks(gymnasium.make("CartPole-v1"), chunk=2, gamma=GAMMA)


def random_signals(rng, count):
    phi = rng.uniform(-1.0, 0.0, count + 1)
    terminated = np.zeros(count, np.bool_)
    terminated[-1] = rng.random() < 0.5
    sparse = Signals.sparse(rng.uniform(0.0, 1.0, count), terminated, ~terminated & terminated)
    return dataclasses.replace(sparse, phi=phi[:-1], next_phi=phi[1:])


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_shaping_telescopes_over_a_chunk(chunk):
    rng = np.random.default_rng(chunk)
    signals = random_signals(rng, 6)
    steps = ShapingRule(gamma=GAMMA)(signals)
    whole = chunk_signals(signals, chunk=chunk, gamma=GAMMA)
    paid = ShapingRule(gamma=GAMMA**chunk)(whole)
    for first in range(6):
        last = min(first + chunk, 6)
        discounts = GAMMA ** np.arange(last - first)
        assert paid["task"][first] == pytest.approx(discounts @ steps["task"][first:last])
        if whole.terminated[first] or last - first == chunk:
            expected = discounts @ steps["shaping"][first:last]
            assert paid["shaping"][first] == pytest.approx(expected, abs=1e-12)
        if not whole.terminated[first]:
            expected = GAMMA**chunk * signals.next_phi[last - 1] - signals.phi[first]
            assert paid["shaping"][first] == pytest.approx(expected, abs=1e-12)


def test_environments_shape_a_chunk_by_the_potentials_at_its_ends(tmp_path):
    agent = small_sac(chunk=4)
    venv = build_environments(small_run(tmp_path, task=LINE, agent=agent), None)
    venv.seed(3)
    start = venv.reset()
    observation, rewards, dones, infos = venv.step(np.full((1, 4), 0.1, np.float32))
    assert not dones[0]

    def phi(shown):  # progress - 1
        return -abs(float(shown[0, 1]) * 2.0) / 2.0

    assert rewards[0] == pytest.approx(GAMMA**4 * phi(observation) - phi(start), abs=1e-6)
    assert observation[0, 0] - start[0, 0] == pytest.approx(4 * 0.02 / 2.0, abs=1e-6)
    assert infos[0]["chunk"]["steps"] == 4
    venv.close()


def test_mirrors_of_a_chunk_mirror_each_action():
    env = ActionChunks(make_environment(REACH, renders=False), chunk=2, gamma=GAMMA)
    single = make_environment(REACH, renders=False).unwrapped.reflections
    for (seen, acted), (seen_once, acted_once) in zip(env.reflections, single, strict=True):
        assert np.array_equal(seen, seen_once)
        assert np.array_equal(acted, np.concatenate([acted_once, acted_once]))


def test_demonstrations_are_chunks_that_begin_at_every_step(tmp_path):
    folder = tmp_path / "demos"
    record(DemosConfig(task=REACH, episodes=2, seed=3, out=str(folder)))
    config = small_run(
        tmp_path / "run",
        task=REACH,
        reward=RewardConfig(),
        agent=small_sac(chunk=3, mirror=True),
        demonstrations=str(folder),
        steps=90,
    )
    chunks = demonstrated_transitions(config, None)
    steps = demonstrated_transitions(dataclasses.replace(config, agent=small_sac()), None)
    lengths = [len(episode) for episode in Demonstrations(folder)]
    assert chunks.actions.shape == (sum(lengths), 12)
    assert np.array_equal(chunks.observations, steps.observations)
    assert np.array_equal(chunks.actions[0], steps.actions[:3].ravel())
    assert np.array_equal(chunks.next_observations[0], steps.next_observations[2])
    end = lengths[0] - 1
    assert np.array_equal(chunks.actions[end], np.tile(steps.actions[end], 3))
    assert np.array_equal(chunks.next_observations[end - 1], steps.next_observations[end])
    assert chunks.signals.terminated[end - 2 : end + 2].tolist() == [True, True, True, False]
    assert chunks.rewards[end - 2 : end + 1] == pytest.approx([GAMMA**2, GAMMA, 1.0])
    assert run_training(config).episodes.exists()


def test_metrics_of_chunks_resume_where_they_were(tmp_path):
    changes = {"agent": small_sac(chunk=2, learning_starts=20), "checkpoint_every": 150}
    whole = run_training(small_run(tmp_path / "whole", steps=800, **changes)).path
    resumed(cut_short(small_run(tmp_path / "short", steps=800, **changes), at=300))
    assert scalars(tmp_path / "short") == scalars(whole)
    assert records(tmp_path / "short") == records(whole)


def test_chunks_resume_and_count_steps_of_the_environment(tmp_path):
    config = small_run(
        tmp_path / "run", task=RESUMABLE, agent=small_sac(chunk=2, learning_starts=20), steps=120
    )
    directory = run_training(config)
    run_training(dataclasses.replace(config, resume=True, steps=200))
    records = list(read_episodes(directory.episodes))
    assert records[-1].steps <= 200
    assert sum(record.length for record in records) <= 200
    assert any(record.length % 2 for record in records)
    (summary,) = run_evaluation(
        EvaluateConfig(run=str(directory.path), episodes=5, seeds=[0], videos=0, device="cpu")
    )
    assert json.loads((directory.path / "evaluation.json").read_text())
    assert summary.pooled.mean_length <= 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "steps", "n_envs"),
    [(small_sac(chunk=3), 3_000, 1), (small_ppo(chunk=3, n_steps=32), 20_000, 4)],
    ids=["sac", "ppo"],
)
def test_agent_learns_a_reach_in_chunks(tmp_path, agent, steps, n_envs):
    config = small_run(
        tmp_path / "run",
        task=LINE,
        agent=agent,
        reward=ORACLE,
        steps=steps,
        n_envs=n_envs,
        shaping=ShapingConfig(shift=-1.0),
        checkpoint_every=100_000,
    )
    records = list(read_episodes(run_training(config).episodes))
    assert np.mean([record.success for record in records[-40:]]) >= 0.9
    assert np.mean([record.length for record in records[-40:]]) <= 9


def test_mirrored_chunks_reach_the_agent(tmp_path):
    config = small_run(tmp_path, task=REACH, reward=RewardConfig(), agent=small_sac(chunk=2))
    venv = build_environments(config, None)
    assert reflecting_of(venv, device=torch.device("cpu")) is not None
    venv.close()
