"""Open the reward models of a training run, and of those who look at it afterwards."""

from __future__ import annotations

import torch

from kibble.agents.config import TrainConfig
from kibble.agents.environments import make_environment
from kibble.rewards.adapters.grm_tiny import CARD as EMBEDDED
from kibble.rewards.catalogue import card_of, open_model
from kibble.rewards.combination import CombinedModel
from kibble.rewards.errors import ConfigError
from kibble.rewards.frame_rate import ThinsFrames, at_frame_rate
from kibble.rewards.reference import ModelReference, parse_reference
from kibble.rewards.types import RewardModel
from kibble.rewards.whole_episode import require_causal

__all__ = ["load_reward_model", "open_watching"]


def load_reward_model(
    config: TrainConfig, device: torch.device, *, query_every: int | None = None
) -> RewardModel | None:
    """Load the reward model of a run, or return ``None`` where it has none.

    Models that read at a rate of their own are told how often the run asks them.

    Args:
        config: The run.
        device: Where networks live.
        query_every: Decisions between two questions; the run's own by default.

    Raises:
        KibbleError: If a model cannot be opened, reads whole episodes only, or cannot read as the
            run says.
    """
    if config.reward.kind != "model":
        return None
    assert config.reward.weights is not None  # RewardConfig refuses it
    references = [
        _as_the_run_reads(parse_reference(text), config)
        for text in (config.reward.weights, *config.reward.also)
    ]
    for reference in references:
        require_causal(card_of(reference))  # before weights are loaded
    every = config.shaping.query_every if query_every is None else query_every
    members = [open_watching(one, config, device, query_every=every) for one in references]
    if len(members) == 1:
        return members[0]
    shares = config.reward.shares or None
    return CombinedModel(members, config.reward.combine, weights=shares)


def open_watching(
    reference: ModelReference, config: TrainConfig, device: torch.device, *, query_every: int = 1
) -> RewardModel:
    """Open any model to read the frames of a run's episodes as they come.

    Args:
        reference: The model.
        config: The run.
        device: Where it lives.
        query_every: Decisions between two questions.

    Raises:
        KibbleError: If it cannot be opened or reads whole episodes only.
    """
    require_causal(card_of(reference))
    model = open_model(reference, device=device)
    require_causal(model.spec)
    if not isinstance(model, ThinsFrames):
        return model
    rate = _decisions_per_second(config)
    return model if rate is None else at_frame_rate(model, rate / query_every)


def _as_the_run_reads(reference: ModelReference, config: TrainConfig) -> ModelReference:
    reading, missing_view = config.reward.reading, config.reward.missing_view
    if card_of(reference) is EMBEDDED:
        return reference.with_defaults(reading=reading, missing_view=missing_view)
    if (reading, missing_view) != ("absolute", "learned"):
        raise ConfigError(
            "`reward.reading` and `reward.missing_view` are the embedded model's, got "
            f"{reading} and {missing_view} for {reference}; options of other models stand behind "
            f"a question mark in reward.weights (kibble models name={reference.name})."
        )
    return reference


def _decisions_per_second(config: TrainConfig) -> float | None:
    """How often an agent decides; None if the task has no clock."""
    env = make_environment(config.task, renders=False)
    seconds = getattr(env.unwrapped, "control_dt", None)
    if seconds is None:
        frames = env.metadata.get("render_fps")
        seconds = 1.0 / float(frames) if frames else None
    env.close()
    return None if seconds is None else 1.0 / (float(seconds) * config.agent.chunk)
