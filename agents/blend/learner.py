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
from kibble.agents.scoring.source import find_source
from kibble.rewards.blended_rule import BlendedRule
from kibble.rewards.errors import ConfigError
from kibble.rewards.signals import Signals

__all__ = ["BlendLearner"]


@final
class BlendLearner(BaseCallback):
    """Moves each weight along the primary return's gradient through the last policy update.

    After rollout i it estimates the policy gradients of the primary reward and of each auxiliary
    term from the buffer's signals. The primary gradient of rollout i, taken at the parameters that
    learning from rollout i - 1 led to, is compared with the auxiliary gradients of rollout i - 1:
    that is the one-step unroll of the bi-level problem, and the two estimates share no samples, so
    noise does not align them. The new weights are paid from the next rollout on.

    It does nothing about an auxiliary reward while the primary reward has never been earned: both
    say nothing of each other then.

    Args:
        config: Rate, decay and bounds.
    """

    model: PPO

    def __init__(self, config: BlendConfig) -> None:
        super().__init__()
        self.config = config
        self.steps: dict[str, OuterStep] = {}
        self._last: dict[str, NDArray[np.float32]] = {}  # (P,) auxiliary gradients by term

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each auxiliary term."""
        return {name: step.weight for name, step in self.steps.items()}

    def get_state(self) -> dict[str, object]:
        """Return weights, running means and the last gradients."""
        return {
            "steps": {
                name: [step.weight, step.mean, step.square, float(step.count)]
                for name, step in self.steps.items()
            },
            "last": dict(self._last),
        }

    def set_state(self, state: dict[str, object]) -> None:
        """Go on from a state of :meth:`get_state`."""
        steps = cast("dict[str, list[float]]", state["steps"])
        self.steps = {
            name: OuterStep(
                config=self.config, weight=weight, mean=mean, square=square, count=int(count)
            )
            for name, (weight, mean, square, count) in steps.items()
        }
        self._last = dict(cast("dict[str, NDArray[np.float32]]", state["last"]))

    def _on_training_start(self) -> None:
        self._rule().assign(self.weights)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        gradients = self._gradients()
        primary = gradients.pop("task")
        for name, last in self._last.items():
            aligned = alignment(primary, last)
            weight = self.steps[name].take(aligned)
            self.logger.record(f"blend/weight_{name}", weight)
            self.logger.record(f"blend/alignment_{name}", aligned)
        for name in gradients:
            if name not in self.steps:
                self.steps[name] = OuterStep(config=self.config, weight=self.config.initial)
        self._last = gradients
        self._rule().assign(self.weights)

    def _rule(self) -> BlendedRule:
        source = find_source(self.training_env)
        rule = None if source is None else source.rule
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

    def _gradients(self) -> dict[str, NDArray[np.float32]]:
        """Return the policy gradient (P,) of every term, unweighed, over the rollout."""
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
        return {
            name: _gradient(policy, log_prob, advantage)
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


def _rows(signals: Signals, name: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(getattr(signals, name), np.bool_).reshape(shape)
