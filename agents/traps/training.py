"""Train one agent in one trap, through the same layers as ``kibble train``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.agents.agent_config import PpoConfig
from kibble.agents.builders import build_agent, planned_steps
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.environments import build_environments
from kibble.agents.monitoring.config import MonitorConfig
from kibble.envs.traps import TRAPS, Trap, trap_model

__all__ = ["GAMMA", "train_in_trap"]

GAMMA = 0.8
"""Discount of every agent: the ways are six to eleven steps long."""
_AGENT = PpoConfig(
    gamma=GAMMA,
    learning_rate=3e-3,
    network=[64],
    batch_size=256,
    ent_coef=0.01,
    n_steps=32,
    n_epochs=8,
)


def train_in_trap(
    name: str, *, mode: str, seed: int, steps: int, shift: float
) -> NDArray[np.float64]:
    """Train PPO in 16 copies of a trap, paid by its reward model in one shaping mode.

    Args:
        name: Name of the trap.
        mode: A :class:`kibble.rewards.ShapingMode`.
        seed: Seed of everything.
        steps: Budget of environment steps.
        shift: Added to progress to give the potential.

    Returns:
        (S, A) the policy learned, which takes the likeliest action of each cell.

    Raises:
        ConfigError: If the budget does not allow one rollout.
    """
    torch.set_num_threads(1)
    trap = TRAPS[name]
    config = TrainConfig(
        task=TaskConfig(name=name, id=trap.id),
        reward=RewardConfig(name="trap", kind="model", weights=f"trap_{name}"),
        shaping=ShapingConfig(mode=mode, shift=shift, query_every=trap.query_every),
        agent=_AGENT,
        monitor=MonitorConfig(action="off"),  # here it is the traps that are measured
        n_envs=16,
        seed=seed,
        steps=steps,
        device="cpu",
        quiet=True,
    )
    total = planned_steps(config.agent, budget=steps, n_envs=config.n_envs)
    venv = build_environments(config, trap_model(name))
    try:
        agent = build_agent(
            config.agent, venv, seed=seed, device=torch.device("cpu"), observation="state"
        )
        agent.learn(total)
        actions, _ = agent.predict(_every_observation(trap), deterministic=True)
    finally:
        venv.close()
    policy = np.zeros((len(actions), trap.layout.mdp().actions))
    policy[np.arange(len(actions)), actions] = 1.0
    return policy


def _every_observation(trap: Trap) -> NDArray[np.float32]:
    """What the agent observes in each cell, (S, S): one-hot, scaled to [-1, 1]."""
    count = len(trap.layout.cells)
    return (2.0 * np.eye(count) - 1.0).astype(np.float32)
