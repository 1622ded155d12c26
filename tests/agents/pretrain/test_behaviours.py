"""What the hand does while training data is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.pretrain.behaviours import Behaviour
from kibble.agents.pretrain.config import TASKS
from kibble.agents.pretrain.kinds import holds_true
from kibble.envs.tabletop import TabletopEnv
from kibble.rewards.grm.clips import BEHAVIOURS

STEPS = 60


def acted(task, kind, seed, steps=STEPS):
    env = TabletopEnv(task)
    env.reset(seed=seed)
    behaviour = Behaviour(env, kind=kind, rng=np.random.default_rng(seed), steps=steps)
    actions, readings = [], [env.oracle()]
    for _ in range(steps):
        actions.append(behaviour())
        env.step(actions[-1])
        readings.append(env.oracle())
    progress = np.array([reading.progress for reading in readings], np.float32)
    return np.stack(actions), progress, np.array([reading.success for reading in readings])


@pytest.mark.parametrize("kind", BEHAVIOURS)
def test_actions_are_legal_and_the_seed_decides(kind):
    first, *_ = acted("pick_place", kind, 0)
    assert first.shape == (STEPS, 4)
    assert first.dtype == np.float32
    assert (np.abs(first) <= 1.0).all()
    np.testing.assert_array_equal(first, acted("pick_place", kind, 0)[0])
    assert not np.array_equal(first, acted("pick_place", kind, 1)[0])


@pytest.mark.slow
@pytest.mark.parametrize("task", [*TASKS, "drawer_close"])
@pytest.mark.parametrize("kind", ["near_miss", "regress", "partial", "wrong_object"])
def test_most_episodes_keep_the_promise_of_their_kind(task, kind):
    kept = [holds_true(kind, *acted(task, kind, seed)[1:]) for seed in range(12)]
    assert np.mean(kept) >= 0.5  # the others are recorded again


def test_an_unknown_kind_is_an_error():
    env = TabletopEnv("reach")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="got 'dance'"):
        Behaviour(env, kind="dance", rng=np.random.default_rng(0), steps=10)
