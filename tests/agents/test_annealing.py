"""The learning rate falls in the last part of the budget, of steps or of episodes."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.small_runs import LINE, ORACLE, small_ppo, small_run, small_sac

from kibble.agents.annealing import annealed
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError


def rates(path):
    events = EventAccumulator(str(path / "metrics"))
    events.Reload()
    return [event.value for event in events.Scalars("train/learning_rate")]


def test_the_rate_is_whole_first_and_a_tenth_last():
    assert [annealed(s, share=0.25) for s in (0.0, 0.5, 0.75)] == [1.0, 1.0, 1.0]
    assert annealed(0.875, share=0.25) == pytest.approx(0.55)
    assert annealed(1.0, share=0.25) == annealed(1.2, share=0.25) == pytest.approx(0.1)
    assert annealed(1.0, share=0.0) == 1.0


@pytest.mark.parametrize("agent", [small_sac(annealing=0.5), small_ppo(annealing=0.5)])
def test_a_budget_of_steps_lowers_the_rate(tmp_path, agent):
    run = run_training(
        small_run(tmp_path / "run", task=LINE, reward=ORACLE, agent=agent, steps=400)
    )
    seen = rates(run.path)
    assert seen[0] == pytest.approx(2e-3)
    assert seen[-1] < 0.4 * 2e-3
    assert sorted(seen, reverse=True) == seen


def test_a_budget_of_episodes_lowers_the_rate(tmp_path):
    config = small_run(
        tmp_path / "run",
        task=LINE,
        reward=ORACLE,
        agent=small_sac(annealing=0.5),
        steps=100_000,
        rollouts=12,
    )
    run = run_training(config)
    assert rates(run.path)[-1] < 0.4 * 2e-3


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"`agent\.annealing` must lie in \[0, 1\], got 1\.5"):
        small_sac(annealing=1.5)
