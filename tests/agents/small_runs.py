"""Configurations of runs that take seconds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tests.agents.reach_line  # noqa: F401  (registers the environments)

from kibble.agents.agent_config import CrossqConfig, PpoConfig, SacConfig, TqcConfig
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig

LINE = TaskConfig(name="line", id="tests/ReachLine-v0")
RESUMABLE = TaskConfig(name="line", id="tests/ResumableLine-v0")
ORACLE = RewardConfig(name="oracle", kind="oracle")


OFF_POLICY: dict[str, object] = {
    "gamma": 0.9,
    "learning_rate": 2e-3,
    "annealing": 0.0,  # so that a run whose budget is raised is the one that had it at once
    "network": [32],
    "batch_size": 64,
    "ent_coef": "auto_0.1",
    "buffer_size": 10_000,
    "learning_starts": 100,
    "gradient_steps": 1,
    "mirror": False,
}


def small_sac(**changes: object) -> SacConfig:
    own = {"tau": 0.01, "policy_delay": 1, "layer_norm": False}
    return SacConfig(**{**OFF_POLICY, **own, **changes})


def small_tqc(**changes: object) -> TqcConfig:
    return TqcConfig(**{**OFF_POLICY, "tau": 0.01, "quantiles": 5, **changes})


def small_crossq(**changes: object) -> CrossqConfig:
    return CrossqConfig(**{**OFF_POLICY, "policy_delay": 1, **changes})


def small_ppo(**changes: object) -> PpoConfig:
    defaults = {
        "gamma": 0.9,
        "learning_rate": 2e-3,
        "annealing": 0.0,
        "network": [32],
        "batch_size": 64,
        "ent_coef": 0.0,
        "n_steps": 64,
        "n_epochs": 5,
        "gae_lambda": 0.9,
        "clip_range": 0.2,
    }
    return PpoConfig(**{**defaults, **changes})


def small_run(path: Path, **changes: object) -> TrainConfig:
    base = TrainConfig(
        task=RESUMABLE,
        reward=ORACLE,
        shaping=ShapingConfig(),
        agent=small_sac(),
        steps=400,
        n_envs=1,
        run=str(path),
        checkpoint_every=100,
        device="cpu",
        quiet=True,
    )
    return dataclasses.replace(base, **changes)
