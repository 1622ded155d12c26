"""Any reward model that ``kibble serve`` offers, in another process or on another machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "open_reward"]

CARD = ModelCard(
    name="remote",
    title="a model that `kibble serve` offers, in another process or on another machine",
    opens="kibble.rewards.adapters.remote:open_reward",
    options="kibble.rewards.adapters.remote:Options",
    hub_ids=(),
    licence="that of the model",
    views=("the model's own",),
    history="what the model reads",
    needs_goal=False,
    causal=True,
    extra="remote",
    source="docs/scale_out.md",
)

FORMATS = ("raw", "png", "jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a service is asked.

    Args:
        timeout: Seconds that an answer may take, waiting for a busy service included; a later one
            counts as unanswered.
        wait: Seconds that a call tries again by itself when the service has gone, before
            potentials are held. A simulator may wait longer, a robot not at all.
        max_outage: Seconds that the service may be away before the run stops, with a checkpoint.
        format: How pictures travel: raw, png (exact too, smaller, slower) or jpeg (smallest; a
            model then reads slightly other pixels).
        quality: Of jpeg, 1 to 100.
        sessions: Replicas of the service that episodes are spread over, where it has several.
        ca: File with the certificates that a service with https is checked by; null takes the
            system's.
        token_env: Environment variable that holds the service's token, if it wants one.

    Raises:
        ConfigError: If a value is out of range.
    """

    timeout: float = 30.0
    wait: float = 2.0
    max_outage: float = 600.0
    format: str = "raw"
    quality: int = 95
    sessions: int = 1
    ca: str | None = None
    token_env: str = "KIBBLE_TOKEN"

    def __post_init__(self) -> None:
        if not 0.0 < self.timeout <= 86_400.0:
            raise ConfigError(f"`timeout` must lie in (0, 86400] seconds, got {self.timeout}.")
        for key in ("wait", "max_outage"):
            if not 0.0 <= getattr(self, key) < float("inf"):
                raise ConfigError(f"`{key}` must be 0 seconds or more, got {getattr(self, key)}.")
        if self.format not in FORMATS:
            raise ConfigError(
                f"`format` must be one of {', '.join(FORMATS)}, got {self.format!r}."
            )
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"`quality` must lie in [1, 100], got {self.quality}.")
        if not 1 <= self.sessions <= 256:
            raise ConfigError(f"`sessions` must lie in [1, 256], got {self.sessions}.")


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the model behind an address.

    Args:
        weights: ``URL/MODEL``.
        options: How it is asked.
        device: Not used: the service has its own.

    Raises:
        ConfigError: If the address or the token is not usable.
        ServiceAwayError: If no service answers there.
        WeightsError: If the service does not offer that model.
    """
    from kibble.rewards.remote.address import parse_address
    from kibble.rewards.remote.opening import open_remote

    return open_remote(parse_address(weights), options)
