"""What is known of the baselines, and how they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.baselines import VIEWS, PixelGoal, RandomProgress, TimeCounter
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

__all__ = [
    "CARDS",
    "PixelGoalOptions",
    "RandomOptions",
    "TimeCounterOptions",
    "open_pixel_goal",
    "open_random",
    "open_time_counter",
]


def _card(name: str, kind: str, title: str, *, history: str, goal: bool = False) -> ModelCard:
    return ModelCard(
        name=name,
        title=title,
        opens=f"{__name__}:open_{name}",
        options=f"{__name__}:{kind}Options",
        hub_ids=(),
        licence="Apache-2.0",
        views=VIEWS,
        history=history,
        needs_goal=goal,
        causal=True,
        extra="",
        source="this package; rewards/baselines.py",
    )


CARDS = (
    _card("time_counter", "TimeCounter", "baseline: progress is time", history="none"),
    _card(
        "pixel_goal",
        "PixelGoal",
        "baseline: progress is nearness of pixels to the goal",
        history="the start",
        goal=True,
    ),
    _card("random", "Random", "baseline: progress is drawn at random", history="none"),
)


@dataclass(frozen=True, kw_only=True)
class TimeCounterOptions:
    """How time is counted.

    Args:
        horizon: Frames after which the task counts as done.
        views: Views that it accepts; given several times.
    """

    horizon: int = 60
    views: tuple[str, ...] = VIEWS


@dataclass(frozen=True, kw_only=True)
class PixelGoalOptions:
    """What is compared.

    Args:
        views: Views that it compares; given several times.
    """

    views: tuple[str, ...] = VIEWS


@dataclass(frozen=True, kw_only=True)
class RandomOptions:
    """What is drawn.

    Args:
        seed: Source of the draws.
        views: Views that it accepts; given several times.
    """

    seed: int = 0
    views: tuple[str, ...] = VIEWS


def open_time_counter(
    weights: str | None, options: TimeCounterOptions, device: torch.device | None
) -> RewardModel:
    """Open a :class:`kibble.rewards.baselines.TimeCounter`."""
    _no_weights("time_counter", weights)
    return TimeCounter(views=options.views, horizon=options.horizon)


def open_pixel_goal(
    weights: str | None, options: PixelGoalOptions, device: torch.device | None
) -> RewardModel:
    """Open a :class:`kibble.rewards.baselines.PixelGoal`."""
    _no_weights("pixel_goal", weights)
    return PixelGoal(views=options.views)


def open_random(
    weights: str | None, options: RandomOptions, device: torch.device | None
) -> RewardModel:
    """Open a :class:`kibble.rewards.baselines.RandomProgress`."""
    _no_weights("random", weights)
    return RandomProgress(views=options.views, seed=options.seed)


def _no_weights(name: str, weights: str | None) -> None:
    if weights is not None:
        raise ConfigError(
            f"Baseline {name} has no weights, got {weights!r}; write {name} without @."
        )
