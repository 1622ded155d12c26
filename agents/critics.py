"""SAC's policy with both critics in one batched network, and an actor averaged over updates."""

from __future__ import annotations

import copy
from typing import final

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import Actor, SACPolicy
from torch import nn
from torch.nn import functional

__all__ = ["LayerNormTwinSACPolicy", "TwinNetwork", "TwinSACPolicy"]


@final
class TwinNetwork(nn.Module):
    """Several equal perceptrons as one, (N, D) to (K, N, 1).

    Args:
        networks: K perceptrons of ``Linear`` and ``ReLU`` layers, whose weights are taken.
        layer_norm: Whether hidden layers are normalised before their activation.
    """

    def __init__(self, networks: list[nn.Sequential], *, layer_norm: bool) -> None:
        super().__init__()
        linears = [[layer for layer in net if isinstance(layer, nn.Linear)] for net in networks]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.stack([linear.weight.detach().T for linear in layers]))
            for layers in zip(*linears, strict=True)
        )  # (K, in, out) each
        self.biases = nn.ParameterList(
            nn.Parameter(torch.stack([linear.bias.detach()[None] for linear in layers]))
            for layers in zip(*linears, strict=True)
        )  # (K, 1, out) each
        self.gains = nn.ParameterList()
        self.offsets = nn.ParameterList()
        if layer_norm:
            self.gains.extend(nn.Parameter(torch.ones_like(bias)) for bias in self.biases[:-1])
            self.offsets.extend(nn.Parameter(torch.zeros_like(bias)) for bias in self.biases[:-1])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Apply every perceptron to the same input."""
        count = self.weights[0].shape[0]
        hidden = values.expand(count, *values.shape)  # (K, N, D)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if index == last:
                break
            if len(self.gains):
                hidden = functional.layer_norm(hidden, hidden.shape[-1:])
                hidden = torch.addcmul(self.offsets[index], hidden, self.gains[index])
            hidden = functional.relu(hidden)
        return hidden


class _TwinCritic(ContinuousCritic):
    """Both critics as one network behind the interface of Stable-Baselines3's critic."""

    twin: TwinNetwork

    def fuse(self, *, layer_norm: bool) -> None:
        """Move the weights of the separate networks into one."""
        networks = [net for net in self.q_networks if isinstance(net, nn.Sequential)]
        self.twin = TwinNetwork(networks, layer_norm=layer_norm)
        for index in range(len(networks)):
            delattr(self, f"qf{index}")
        self.q_networks = []

    def forward(self, obs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the values of each critic, (N, 1)."""
        return tuple(self.values(obs, actions))

    def values(self, obs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the values of all critics, (K, N, 1)."""
        assert self.features_extractor is not None
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.share_features_extractor):
            features = self.extract_features(obs, self.features_extractor)
        values: torch.Tensor = self.twin(torch.cat([features, actions], dim=1))
        return values

    def q1_forward(self, obs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the values of the first critic, (N, 1)."""
        return self.values(obs, actions)[0]


class TwinSACPolicy(SACPolicy):
    """SAC policy with batched critics, that acts deterministically by its averaged actor.

    The newest actor explores and learns. Its mode stands still in places that differ from update
    to update; that of the average of the last updates' weights hardly does.

    Attributes:
        average: The averaged actor.

    Source:
        Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging";
        Yazici et al. 2019, "The Unusual Effectiveness of Averaging in GAN Training", for networks
        that chase each other.
    """

    layer_norm = False
    average: Actor

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        self.average = copy.deepcopy(self.actor).requires_grad_(False)

    def move_average(self, share: float) -> None:
        """Move the averaged actor by a share of its way to the actor."""
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.actor.parameters()), share
            )

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> torch.Tensor:
        actor = self.average if deterministic else self.actor
        actions: torch.Tensor = actor(observation, deterministic)
        return actions

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Build the critics as one network."""
        critic = _TwinCritic(
            **self._update_features_extractor(self.critic_kwargs, features_extractor)
        )
        critic.fuse(layer_norm=self.layer_norm)
        return critic.to(self.device)


@final
class LayerNormTwinSACPolicy(TwinSACPolicy):
    """Batched critics that normalise their hidden layers, to stand more updates per step.

    Source:
        Ball et al. 2023, "Efficient Online Reinforcement Learning with Offline Data", section 4.2.
    """

    layer_norm = True
