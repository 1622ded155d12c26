"""Put together what acts in a run: the policy's copy, the exploration, the pace of learning."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

import numpy as np

from kibble.agents.acting.acting_thread import Acting
from kibble.agents.acting.choosers import PolicyChooser, chooser_for
from kibble.agents.acting.pace import Pace
from kibble.agents.acting.policy_copy import PolicyCopy

if TYPE_CHECKING:
    from kibble.agents.acting.acting_vec_env import ActingVecEnv
    from kibble.agents.builders import Algorithm
    from kibble.agents.config import TrainConfig
    from kibble.agents.demonstrated import Transitions
    from kibble.agents.episode_monitor import EpisodeMonitor
    from kibble.agents.off_policy import OffPolicyAgent

__all__ = ["build_pace"]


def build_pace(
    acting: ActingVecEnv,
    agent: Algorithm,
    monitor: EpisodeMonitor,
    config: TrainConfig,
    transitions: Transitions | None,
    *,
    total: int,
) -> Pace:
    """Build the callback that begins to act when training does, and learns between steps.

    Args:
        acting: The environment.
        agent: What learns, resumed already where it is.
        monitor: Counts episodes.
        config: The run.
        transitions: Of its demonstrations, if it has any.
        total: Steps of the whole run.
    """
    learner = cast("OffPolicyAgent", agent)  # check_acting refuses PPO
    taken = learner.num_timesteps
    copied = PolicyCopy(learner)
    space = copy.deepcopy(learner.action_space)  # its random numbers are the thread's own
    space.seed(config.seed + taken)
    policy = PolicyChooser(copied.act, space, random_steps=max(learner.learning_starts - taken, 0))
    rng = np.random.default_rng([config.seed, taken])
    chooser = chooser_for(config.acting, policy, transitions, taken=taken, rng=rng)
    episodes = None if config.rollouts is None else max(config.rollouts - monitor.episodes, 0)
    begin = Acting(chooser=chooser, policy=copied, steps=total - taken, episodes=episodes)
    return Pace(acting, begin)
