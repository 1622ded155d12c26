"""How long success must hold is the user's to say."""

from __future__ import annotations

import gymnasium
import pytest

import kibble.envs  # noqa: F401  (registers the suite)
from kibble.envs.tabletop.experts import make_expert
from kibble.rewards.errors import ConfigError


def _steps_of_success(dwell: float) -> int:
    """Return how many readings in a row were successes when the expert's episode ended."""
    env = gymnasium.make("kibble/DrawerOpen-v0", dwell=dwell)
    env.reset(seed=0)
    expert = make_expert(env)
    held, ended = 0, False
    while not ended:
        _, reward, terminated, truncated, info = env.step(expert())
        held = held + 1 if env.unwrapped.oracle().success else 0
        ended = terminated or truncated
    assert info["is_success"]
    assert reward == 1.0
    env.close()
    return held


@pytest.mark.parametrize(("dwell", "steps"), [(0.0, 0), (0.5, 5), (1.0, 10)])
def test_an_episode_ends_once_success_has_held_for_the_dwell(dwell, steps):
    assert _steps_of_success(dwell) == steps + 1  # n + 1 readings span n steps


@pytest.mark.parametrize("dwell", [-0.1, float("nan"), 61.0])
def test_a_dwell_out_of_range_is_refused(dwell):
    with pytest.raises(ConfigError, match=r"`dwell` must lie in \[0, 60\] s, got"):
        gymnasium.make("kibble/Reach-v0", dwell=dwell)
