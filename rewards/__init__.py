"""Reward models, potentials and shaping; needs neither gymnasium nor a simulator."""

from kibble.rewards.potential import Potential
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import ShapingMode, shape, shaping_term
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task

__all__ = [
    "Episode",
    "Estimate",
    "Frames",
    "ModelSpec",
    "Potential",
    "RewardModel",
    "Shaper",
    "ShapingMode",
    "Status",
    "Task",
    "shape",
    "shaping_term",
]
