"""Open the reward model of a training run."""

from __future__ import annotations

import torch

from kibble.agents.config import TrainConfig
from kibble.agents.environments import make_environment
from kibble.rewards.adapters.grm_tiny import CARD as EMBEDDED
from kibble.rewards.catalogue import card_of, open_model
from kibble.rewards.combination import CombinedModel
from kibble.rewards.frame_rate import ThinsFrames, at_frame_rate
from kibble.rewards.reference import parse_reference
from kibble.rewards.types import RewardModel
from kibble.rewards.whole_episode import require_causal

__all__ = ["load_reward_model"]


def load_reward_model(config: TrainConfig, device: torch.device) -> RewardModel | None:
    """Load the reward model of a run, or return ``None`` where it has none.

    Models that read at a rate of their own are told how often the run asks them.

    Raises:
        KibbleError: If a model cannot be opened, or reads whole episodes only.
    """
    if config.reward.kind != "model":
        return None
    assert config.reward.weights is not None  # RewardConfig refuses it
    references = [parse_reference(t) for t in (config.reward.weights, *config.reward.also)]
    for reference in references:
        require_causal(card_of(reference))  # before weights are loaded
    members = []
    for reference in references:
        if card_of(reference) is EMBEDDED:
            reference = reference.with_defaults(
                reading=config.reward.reading, missing_view=config.reward.missing_view
            )
        model = open_model(reference, device=device)
        rate = _questions_per_second(config) if isinstance(model, ThinsFrames) else None
        members.append(model if rate is None else at_frame_rate(model, rate))
    return members[0] if len(members) == 1 else CombinedModel(members, config.reward.combine)


def _questions_per_second(config: TrainConfig) -> float | None:
    """How often a reward model reads a frame of an episode; None if the task has no clock."""
    env = make_environment(config.task, renders=False)
    seconds = getattr(env.unwrapped, "control_dt", None)
    if seconds is None:
        frames = env.metadata.get("render_fps")
        seconds = 1.0 / float(frames) if frames else None
    env.close()
    if seconds is None:
        return None
    return 1.0 / (float(seconds) * config.agent.chunk * config.shaping.query_every)
