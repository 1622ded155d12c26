"""Both algorithms learn a one-dimensional reach, shaped and sparse, within seconds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.small_runs import (
    LINE,
    ORACLE,
    small_crossq,
    small_ppo,
    small_run,
    small_sac,
    small_tqc,
)

from kibble.agents.config import RewardConfig, ShapingConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.train import run_training

SPARSE = RewardConfig()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "reward", "steps", "n_envs"),
    [
        (small_sac(), SPARSE, 2_000, 1),
        (small_sac(), ORACLE, 1_500, 1),
        (small_sac(layer_norm=True, gradient_steps=2, policy_delay=2), ORACLE, 1_200, 2),
        (small_tqc(), ORACLE, 1_500, 1),
        (small_crossq(), ORACLE, 1_500, 1),
        (small_ppo(), ORACLE, 10_000, 4),
    ],
    ids=["sac-sparse", "sac-shaped", "sac-layer-norm", "tqc", "crossq", "ppo-shaped"],
)
def test_agent_learns_a_reach(tmp_path, agent, reward, steps, n_envs):
    config = small_run(
        tmp_path / "run",
        task=LINE,
        agent=agent,
        reward=reward,
        steps=steps,
        n_envs=n_envs,
        shaping=ShapingConfig(shift=-1.0),
        checkpoint_every=100_000,
    )
    directory = run_training(config)
    records = list(read_episodes(directory.episodes))
    assert np.mean([record.success for record in records[-40:]]) >= 0.9
    assert np.mean([record.length for record in records[-40:]]) <= 8
