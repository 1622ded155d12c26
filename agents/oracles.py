"""Rewards that the simulator tells: for studies, when a configuration says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import gymnasium as gym

from kibble.agents.oracle_keypoints import (
    ORACLE_KEYPOINTS,
    OracleKeypointFrames,
    oracle_keypoint_reward,
)
from kibble.agents.oracle_reward import ORACLE_VIEW, OracleFrames, OracleModel
from kibble.rewards.types import RewardModel

__all__ = ["ORACLE_FRAMES", "oracle_model"]

Env = gym.Env[object, object]

ORACLE_FRAMES: Final[Mapping[str, Callable[[Env], Env]]] = MappingProxyType(
    {ORACLE_VIEW: OracleFrames, ORACLE_KEYPOINTS: OracleKeypointFrames}
)
"""View that is not a picture to the wrapper that offers it."""

_MODELS: Final[Mapping[str, Callable[[], RewardModel]]] = MappingProxyType(
    {"oracle": OracleModel, "oracle_keypoints": oracle_keypoint_reward}
)


def oracle_model(kind: str) -> RewardModel | None:
    """Return the model of ``reward.kind`` if that is an oracle."""
    return _MODELS[kind]() if kind in _MODELS else None
