"""The learning algorithms: one schema each, free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from kibble.rewards.errors import ConfigError

__all__ = [
    "AGENTS",
    "AgentConfig",
    "CrossqConfig",
    "OffPolicyConfig",
    "PpoConfig",
    "SacConfig",
    "TqcConfig",
]


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """What every learning algorithm has.

    Args:
        name: The algorithm; agent=… chooses it with all its keys.
        gamma: Discount of one step; shaping takes it from here.
        chunk: Actions that are chosen at once. A chunk pays its steps' discounted sum, and all
            that counts in steps (agent.learning_starts, shaping.query_every, checkpoint_every)
            counts chunks; the budget `steps` stays one of steps of the environment.
        learning_rate: Step size of Adam.
        annealing: Part of the budget, at its end, over which the step size falls to a tenth. A run
            whose budget is raised later has annealed for the old one already.
        network: Widths of the hidden layers of actor and critic.
        batch_size: Transitions in one gradient step.
        mirror: Also learn from mirrored transitions where the environment is symmetric; PPO does
            in its warm start alone.
        warm_start_steps: Gradient steps by which the actor is cloned from the demonstrations
            before training; 0 for none. With it, agent.learning_starts=0 lets the clone collect
            what random steps would.
        warm_start_std: Standard deviation with which a cloned actor explores; of the action before
            it is squashed (sac, tqc, crossq) or of the action (ppo).
        critic_warmup_steps: Environment steps, all environments together, in which the critic
            learns and the actor stays as it is.
    """

    name: str = ""
    gamma: float = 0.9
    chunk: int = 1
    learning_rate: float = 1e-3
    annealing: float = 0.4
    network: list[int] = field(default_factory=lambda: [128, 128])
    batch_size: int = 128
    mirror: bool = True
    warm_start_steps: int = 0
    warm_start_std: float = 0.3
    critic_warmup_steps: int = 0

    def __post_init__(self) -> None:
        if AGENTS.get(self.name) is not type(self):
            own = [name for name, schema in AGENTS.items() if schema is type(self)]
            raise ConfigError(
                f"`agent.name` must be {own[0] if own else 'that of an algorithm'} with these "
                f"keys, got {self.name!r}; choose an algorithm by agent=…, one of "
                f"{', '.join(AGENTS)}."
            )
        if not 0.0 <= self.gamma <= 1.0:
            raise ConfigError(f"`agent.gamma` must lie in [0, 1], got {self.gamma}.")
        if not 0.0 <= self.annealing <= 1.0:
            raise ConfigError(f"`agent.annealing` must lie in [0, 1], got {self.annealing}.")
        _check_positive(self, ("chunk", "learning_rate", "batch_size", "warm_start_std"))
        for key in ("warm_start_steps", "critic_warmup_steps"):
            if getattr(self, key) < 0:
                raise ConfigError(f"`agent.{key}` must be 0 or more, got {getattr(self, key)}.")

    @property
    def decision_gamma(self) -> float:
        """Discount from one decision to the next: of a whole chunk of actions."""
        return self.gamma**self.chunk


@dataclass(frozen=True, kw_only=True)
class OffPolicyConfig(AgentConfig):
    """What the algorithms have that learn from a replay buffer.

    Args:
        ent_coef: Entropy coefficient; a number, auto, or auto_0.1 to begin at 0.1.
        buffer_size: Transitions that the replay buffer holds.
        learning_starts: Random steps before learning starts.
        gradient_steps: Gradient steps for each environment step.
        demonstration_share: Part of each batch from demonstrations, where there are any.
    """

    ent_coef: float | str = "auto_0.05"
    buffer_size: int = 100_000
    learning_starts: int = 500
    gradient_steps: int = 2
    demonstration_share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self, ("buffer_size", "gradient_steps"))
        if not 0.0 <= self.demonstration_share < 1.0:
            raise ConfigError(
                "`agent.demonstration_share` must lie in [0, 1), got "
                f"{self.demonstration_share}; 0.5 takes half of each batch from demonstrations."
            )


@final
@dataclass(frozen=True, kw_only=True)
class SacConfig(OffPolicyConfig):
    """SAC, as ``configs/agent/sac.yaml`` has it.

    Args:
        tau: Share by which target networks move in one update.
        policy_delay: Critic updates for each update of the actor.
        layer_norm: Whether critics normalise their hidden layers.
        actor_average: Share by which the averaged actor, which acts in evaluation, follows the
            actor in one update, in (0, 1]; 1 evaluates the newest actor.
    """

    name: str = "sac"
    tau: float = 0.005
    policy_delay: int = 2
    layer_norm: bool = True
    actor_average: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self, ("tau", "policy_delay", "actor_average"))
        if self.actor_average > 1.0:
            raise ConfigError(
                f"`agent.actor_average` must lie in (0, 1], got {self.actor_average}."
            )


@final
@dataclass(frozen=True, kw_only=True)
class TqcConfig(OffPolicyConfig):
    """Truncated quantile critics, as ``configs/agent/tqc.yaml`` has them.

    Args:
        tau: Share by which target networks move in one update.
        critics: Critics side by side.
        quantiles: Quantiles that each critic estimates.
        dropped_quantiles: Largest quantiles that are left out of the target, of each critic.

    Source:
        Kuznetsov et al. 2020, "Controlling Overestimation Bias with Truncated Mixture of
        Continuous Distributional Quantile Critics".
    """

    name: str = "tqc"
    tau: float = 0.005
    critics: int = 2
    quantiles: int = 25
    dropped_quantiles: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self, ("tau", "critics", "quantiles"))
        if not 0 <= self.dropped_quantiles < self.quantiles:
            raise ConfigError(
                f"`agent.dropped_quantiles` must lie in [0, agent.quantiles = {self.quantiles}), "
                f"got {self.dropped_quantiles}; 2 of 25 is usual."
            )


@final
@dataclass(frozen=True, kw_only=True)
class CrossqConfig(OffPolicyConfig):
    """CrossQ, as ``configs/agent/crossq.yaml`` has it: batch-normalised, without target networks.

    Args:
        policy_delay: Critic updates for each update of the actor.

    Source:
        Bhatt et al. 2024, "CrossQ: Batch Normalization in Deep Reinforcement Learning for Greater
        Sample Efficiency and Simplicity".
    """

    name: str = "crossq"
    policy_delay: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self, ("policy_delay",))


@final
@dataclass(frozen=True, kw_only=True)
class PpoConfig(AgentConfig):
    """PPO, as ``configs/agent/ppo.yaml`` has it.

    Args:
        ent_coef: Weight of the policy's entropy in the loss.
        n_steps: Steps of each environment in one rollout.
        n_epochs: Passes over one rollout.
        gae_lambda: Trade-off of bias against variance in advantages.
        clip_range: Bound on the change of an action's probability ratio.
    """

    name: str = "ppo"
    gamma: float = 0.95
    learning_rate: float = 3e-4
    ent_coef: float = 0.0
    n_steps: int = 256
    n_epochs: int = 10
    gae_lambda: float = 0.95
    clip_range: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(self, ("n_steps", "n_epochs", "clip_range"))


AGENTS: dict[str, type[AgentConfig]] = {
    "sac": SacConfig,
    "tqc": TqcConfig,
    "crossq": CrossqConfig,
    "ppo": PpoConfig,
}
"""Every algorithm by its name in ``agent=…``."""


def _check_positive(config: AgentConfig, keys: tuple[str, ...]) -> None:
    for key in keys:
        value = getattr(config, key)
        if not value > 0:
            raise ConfigError(f"`agent.{key}` must be above 0, got {value}.")
