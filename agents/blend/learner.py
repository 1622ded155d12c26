"""Learn the weights of auxiliary rewards beside PPO, one outer step for each rollout."""

from __future__ import annotations

from typing import Any, cast, final

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy

from kibble.agents.blend.advantages import stream_advantages
from kibble.agents.blend.config import BlendConfig
from kibble.agents.blend.outer import OuterStep, alignment
from kibble.agents.rollout_buffer import PotentialRolloutBuffer
from kibble.rewards.blended_rule import BlendedRule
from kibble.rewards.errors import ConfigError
from kibble.rewards.signals import Signals

__all__ = ["BlendLearner"]


@final
class BlendLearner(BaseCallback):
    """Moves each weight along the gradient of the primary return, before the policy learns.

    From a rollout's signals it estimates the policy gradients of the primary reward and of each
    auxiliary term, on two halves of the environments. The primary gradient of one half is compared
    with the auxiliary gradient of the other: their inner product is the derivative of the primary
    return by the weight, through the policy step that is about to be taken, and as the two share
    no samples noise does not align them. The new weights pay this very rollout.

    A rollout in which the primary reward was never earned says nothing of the auxiliary ones: the
    direction found before stands, and until there is one the weights stay as they are.

    Args:
        config: Rate, decay and bounds.
    """

    model: PPO

    def __init__(self, config: BlendConfig) -> None:
        super().__init__()
        self.config = config
        self.steps: dict[str, OuterStep] = {}

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each auxiliary term."""
        return {name: step.weight for name, step in self.steps.items()}

    def get_state(self) -> dict[str, list[float]]:
        """Return weights, running means and counts by term."""
        return {
            name: [step.weight, step.mean, float(step.count)] for name, step in self.steps.items()
        }

    def set_state(self, state: dict[str, list[float]]) -> None:
        """Go on from a state of :meth:`get_state`."""
        self.steps = {
            name: OuterStep(config=self.config, weight=weight, mean=mean, count=int(count))
            for name, (weight, mean, count) in state.items()
        }

    def _on_training_start(self) -> None:
        self._rule().assign(self.weights)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        gradients = self._gradients()
        primary = gradients.pop("task")
        for name, auxiliary in gradients.items():
            if name not in self.steps:
                self.steps[name] = OuterStep(config=self.config, weight=self.config.initial)
            aligned = [
                alignment(one, other)
                for one, other in zip(primary, reversed(auxiliary), strict=True)
                if one.any()
            ]
            mean = float(np.mean(aligned)) if aligned else None
            self.logger.record(f"blend/weight_{name}", self.steps[name].take(mean))
            if mean is not None:
                self.logger.record(f"blend/alignment_{name}", mean)
        self._rule().assign(self.weights)
        self._buffer().compute_returns_and_advantage(self._last_values(), self.locals["dones"])

    def _last_values(self) -> torch.Tensor:
        """Return the critic's values of the states after the rollout, (N, 1)."""
        values: torch.Tensor = self.locals["values"]
        return values

    def _rule(self) -> BlendedRule:
        kept = self._buffer().kept
        rule = None if kept is None else kept.source.rule
        if not isinstance(rule, BlendedRule):
            raise ConfigError(
                f"A learned blend needs a `BlendedRule`, got {type(rule).__name__}; write "
                "blend.learn=true when the run begins."
            )
        return rule

    def _buffer(self) -> PotentialRolloutBuffer:
        buffer: RolloutBuffer = self.model.rollout_buffer
        assert isinstance(buffer, PotentialRolloutBuffer)
        return buffer

    def _gradients(self) -> dict[str, list[NDArray[np.float32]]]:
        """Return the policy gradient (P,) of every term, unweighed, on each half."""
        buffer, policy = self._buffer(), self.model.policy
        signals = buffer.signals()
        terms = self._rule().rule(signals)
        shape = (buffer.buffer_size, buffer.n_envs)
        observations = self._flat(buffer.observations)
        actions = self._flat(buffer.actions)
        advantages = stream_advantages(
            np.stack([term.reshape(shape) for term in terms.values()]),
            self._features(policy, observations).reshape(*shape, -1),
            self._features(policy, self._flat(self.locals["new_obs"][None])),
            terminated=_rows(signals, "terminated", shape),
            truncated=_rows(signals, "truncated", shape),
            gamma=self.model.gamma,
            gae_lambda=self.model.gae_lambda,
        )
        if isinstance(buffer.action_space, spaces.Discrete):
            actions = actions.long().flatten()
        _, log_prob, _ = policy.evaluate_actions(observations, actions)
        halves = _halves(shape)
        return {
            name: [_gradient(policy, log_prob, advantage * half) for half in halves]
            for name, advantage in zip(terms, advantages, strict=True)
        }

    def _flat(self, rows: NDArray[Any]) -> torch.Tensor:
        """Join the first two axes, (T, N, …) to (T * N, …)."""
        return torch.as_tensor(rows.reshape(-1, *rows.shape[2:]), device=self.model.device)

    def _features(
        self, policy: ActorCriticPolicy, observations: torch.Tensor
    ) -> NDArray[np.float64]:
        """Return what the critic's last layer sees, (M, F)."""
        with torch.no_grad():
            extracted = policy.extract_features(observations, policy.vf_features_extractor)
            hidden = policy.mlp_extractor.forward_critic(cast("torch.Tensor", extracted))
        return hidden.cpu().numpy().astype(np.float64)


def _gradient(
    policy: ActorCriticPolicy, log_prob: torch.Tensor, advantage: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return d mean(advantage * log pi) / d parameters, (P,); 0 for parameters of the critic."""
    weights = torch.as_tensor(advantage.ravel(), dtype=log_prob.dtype, device=log_prob.device)
    parameters = list(policy.parameters())
    gradients = torch.autograd.grad(
        (weights * log_prob).mean(), parameters, retain_graph=True, allow_unused=True
    )
    parts = [
        (torch.zeros_like(parameter) if gradient is None else gradient).ravel()
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    return torch.cat(parts).detach().cpu().numpy().astype(np.float32)


def _halves(shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Divide T steps of N environments: by environment, or by time where there is only one."""
    steps, slots = np.indices(shape)
    first = slots % 2 == 0 if shape[1] > 1 else steps < shape[0] // 2
    return first, ~first


def _rows(signals: Signals, name: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(getattr(signals, name), np.bool_).reshape(shape)
