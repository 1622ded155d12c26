"""SAC of Stable-Baselines3 with the same losses in fewer calls and delayed actor updates."""

from __future__ import annotations

from typing import final

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from kibble.agents.critics import TwinSACPolicy

__all__ = ["QuickSAC"]


@final
class QuickSAC(SAC):
    """SAC for small networks on a CPU, which spend their time in calls as much as in arithmetic.

    The losses are those of :class:`stable_baselines3.SAC`. Critics are updated on every gradient
    step, the actor and the entropy coefficient on every ``policy_delay``-th; target networks move
    in one call, and losses are read once per call of :meth:`train`.

    Attributes:
        policy_delay: Critic updates for each update of the actor, at least 1.
        actor_average: Share by which the averaged actor moves in one update, in (0, 1]; more in
            the first updates, so that it spans a tenth of them.

    Source:
        Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications"; Fujimoto et al.
        2018 for the delay.
    """

    policy_delay: int = 1
    actor_average: float = 1.0

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Do gradient steps on batches from the replay buffer.

        Args:
            gradient_steps: How many.
            batch_size: Transitions in each.
        """
        assert self.replay_buffer is not None
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)
        parameters: list[torch.Tensor] = list(self.critic.parameters())
        targets: list[torch.Tensor] = list(self.critic_target.parameters())
        critic_losses: list[torch.Tensor] = []
        actor_losses: list[torch.Tensor] = []
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            critic_losses.append(self._update_critics(batch))
            self._n_updates += 1
            if self._n_updates % self.policy_delay == 0:
                actor_losses.append(self._update_actor(batch))
                self._average_actor()
            with torch.no_grad():
                torch._foreach_lerp_(targets, parameters, self.tau)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/ent_coef", float(self._temperature()))
        self.logger.record("train/critic_loss", float(torch.stack(critic_losses).mean()))
        if actor_losses:
            self.logger.record("train/actor_loss", float(torch.stack(actor_losses).mean()))

    def _average_actor(self) -> None:
        if isinstance(self.policy, TwinSACPolicy):
            updates = self._n_updates // self.policy_delay
            self.policy.move_average(max(self.actor_average, 10.0 / (updates + 9)))

    def _temperature(self) -> torch.Tensor:
        """Return the entropy coefficient, without a graph."""
        if self.log_ent_coef is None:
            return self.ent_coef_tensor
        return self.log_ent_coef.detach().exp()

    def _update_critics(self, batch: ReplayBufferSamples) -> torch.Tensor:
        discounts = self.gamma if batch.discounts is None else batch.discounts
        with torch.no_grad():
            actions, log_prob = self.actor.action_log_prob(batch.next_observations)
            values = torch.stack(self.critic_target(batch.next_observations, actions)).amin(0)
            soft = values - self._temperature() * log_prob.reshape(-1, 1)
            target = batch.rewards + (1 - batch.dones) * discounts * soft  # (N, 1)
        current = torch.stack(self.critic(batch.observations, batch.actions))  # (K, N, 1)
        loss = 0.5 * (current - target).square().mean(dim=(1, 2)).sum()
        self.critic.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.critic.optimizer.step()
        return loss.detach()

    def _update_actor(self, batch: ReplayBufferSamples) -> torch.Tensor:
        actions, log_prob = self.actor.action_log_prob(batch.observations)
        ent_coef = self._temperature()
        if self.ent_coef_optimizer is not None and self.log_ent_coef is not None:
            assert isinstance(self.target_entropy, float)
            gap = (log_prob.detach() + self.target_entropy).mean()
            self.log_ent_coef.grad = -gap.reshape(1)  # of -log_ent_coef * gap; needs no graph
            self.ent_coef_optimizer.step()
        # The actor's loss needs no gradient of the critics.
        trained = [p for group in self.critic.optimizer.param_groups for p in group["params"]]
        for parameter in trained:
            parameter.requires_grad_(False)
        values = torch.stack(self.critic(batch.observations, actions)).amin(0)
        loss = (ent_coef * log_prob.reshape(-1, 1) - values).mean()
        self.actor.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.actor.optimizer.step()
        for parameter in trained:
            parameter.requires_grad_(True)
        return loss.detach()
