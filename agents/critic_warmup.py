"""Let the critic learn what the actor's actions are worth before the actor moves."""

from __future__ import annotations

from typing import final

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn

__all__ = ["CriticWarmup"]

_NEVER = 1 << 62


@final
class CriticWarmup(BaseCallback):
    """Keeps the actor as it is for the first steps of training, while the critic learns.

    The critic of a new agent knows nothing, so its first advice would take an actor apart that
    was cloned from demonstrations. Whether the actor is still is decided before each phase of
    learning by the steps taken so far, so a resumed run goes on rightly.

    Args:
        steps: Environment steps, all environments together, before the actor learns.

    Source:
        Lu et al. 2025, "VLA-RL: Towards Masterful and General Robotic Manipulation with Scalable
        Reinforcement Learning", critic warm-up.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._delay = 1  # that of the algorithm, where it has one

    def _on_training_start(self) -> None:
        self._delay = getattr(self.model, "policy_delay", 1)
        self._hold(self.num_timesteps < self._steps)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self._hold(self.num_timesteps < self._steps)

    def _on_training_end(self) -> None:
        self._hold(False)

    def _hold(self, held: bool) -> None:
        """Keep the actor still, or let it learn."""
        if hasattr(self.model, "policy_delay"):  # SAC, CrossQ: there the actor has its turns
            self.model.policy_delay = _NEVER if held else self._delay
            return
        for module in self._actor_modules():
            module.requires_grad_(not held)  # Adam leaves alone what has no gradient
        if isinstance(self.model, PPO) and hasattr(self.model.policy, "log_std"):
            self.model.policy.log_std.requires_grad_(not held)

    def _actor_modules(self) -> list[nn.Module]:
        if isinstance(self.model, PPO):
            return [self.model.policy.mlp_extractor.policy_net, self.model.policy.action_net]
        assert isinstance(self.model, OffPolicyAlgorithm)
        return [self.model.actor]
