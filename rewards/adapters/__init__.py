"""Published reward models, one file each, behind :class:`kibble.rewards.types.RewardModel`."""
