"""Infractions end an episode for good, finishing cuts it short; penalties reach the rule."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel

from kibble.envs import CaptureFrames, HardTermination, ShapedReward, VectorShapedReward
from kibble.rewards import ShapingMode
from kibble.rewards.errors import ShapingError
from kibble.rewards.transforms import ComposedRule, SoftPenalties

RULE = ComposedRule(gamma=0.9, mode=ShapingMode.NONE, payments=(SoftPenalties(),))


class Traffic(LineEnv):
    """A line on which going left is an infraction in cell 4 and costs half of the gain elsewhere.

    Every step to the right under way is penalised by two factors.
    """

    def step(self, action):
        obs, reward, terminated, truncated, info = super().step(action)
        info["penalties"] = {"speed": 0.5, "lane": 0.8}
        info["infraction"] = bool(action == 0)
        return obs, reward, terminated, truncated, info


def drive(env: gymnasium.Env, actions: list[int]) -> list[tuple[float, bool, bool]]:
    env.reset(seed=0)
    rows = []
    for action in actions:
        _, reward, terminated, truncated, _ = env.step(action)
        rows.append((float(reward), terminated, truncated))
    return rows


def test_an_infraction_terminates_and_finishing_truncates():
    env = HardTermination(Traffic(limit=30))
    assert drive(env, [1, 0])[-1][1:] == (True, False)
    finished = drive(env, [1] * 12)
    ends = [row[1:] for row in finished if row[1] or row[2]]
    assert ends[0] == (False, True)


def test_a_time_limit_still_truncates():
    env = HardTermination(LineEnv(limit=2))
    assert drive(env, [1, 1])[-1][1:] == (False, True)


def test_gains_are_paid_times_the_product_of_penalties_and_infractions_nothing():
    env = ShapedReward(HardTermination(Traffic()), CentroidModel(), gamma=0.9, rule=RULE)
    (gain, _, _), (loss, terminated, _) = drive(env, [1, 0])
    cell = 2 / 31  # a cell is two columns of 32
    assert gain == pytest.approx(0.4 * cell, abs=1e-6)
    assert loss == pytest.approx(-cell, abs=1e-6)
    assert terminated


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_vector_environments_tell_penalties_too(mode):
    def make() -> gymnasium.Env:
        return CaptureFrames(HardTermination(Traffic()))

    env = VectorShapedReward(
        SyncVectorEnv([make, make], autoreset_mode=mode), CentroidModel(), gamma=0.9, rule=RULE
    )
    env.reset(seed=0)
    _, rewards, terminated, _, _ = env.step(np.array([1, 0]))
    np.testing.assert_allclose(rewards, [0.4 * 2 / 31, -2 / 31], atol=1e-6)
    np.testing.assert_array_equal(terminated, [False, True])


def test_a_penalty_that_is_no_factor_is_refused():
    class Wrong(LineEnv):
        def step(self, action):
            obs, reward, terminated, truncated, info = super().step(action)
            return obs, reward, terminated, truncated, {**info, "penalties": {"speed": 2.0}}

    env = ShapedReward(Wrong(), CentroidModel(), gamma=0.9, rule=RULE)
    with pytest.raises(ShapingError, match=r"'speed' must be a factor in \[0, 1\], got 2.0"):
        drive(env, [1])
