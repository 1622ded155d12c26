"""The reward model that embeds frames for a policy, or a clear no."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kibble.rewards.embedding import Embedder
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import ModelSpec, RewardModel

__all__ = ["EmbeddingModel", "embedding_model"]


@runtime_checkable
class EmbeddingModel(Embedder, Protocol):
    """A reward model that can also embed frames."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is, which views it needs and at what size."""
        ...


def embedding_model(model: RewardModel | None, observation: str) -> EmbeddingModel | None:
    """Return the model that embeds frames for the policy, or ``None`` if the policy sees none.

    Args:
        model: The reward model of the run.
        observation: What the policy sees.

    Raises:
        ConfigError: If the policy sees an embedding and the model cannot give one.
    """
    if observation != "embedding":
        return None
    if isinstance(model, EmbeddingModel):
        return model
    name = "none" if model is None else model.spec.name
    raise ConfigError(
        f"`observation=embedding` needs a reward model that embeds frames, got {name}; grm_tiny, "
        "clip and contrasting_goals do. Choose one of them, or observation=state or pixels."
    )
