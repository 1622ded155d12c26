"""Reward models, potentials and shaping; needs neither gymnasium nor a simulator."""

from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task

__all__ = ["Episode", "Estimate", "Frames", "ModelSpec", "RewardModel", "Status", "Task"]
