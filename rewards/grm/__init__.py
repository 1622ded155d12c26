"""General reward models: progress read from start, earlier, present and goal frames."""

from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.grm.readings import apply_hop, backward_progress, hop

__all__ = ["GeneralRewardModel", "apply_hop", "backward_progress", "hop"]
