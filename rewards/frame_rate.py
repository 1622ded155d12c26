"""Tell models that read at a rate of their own how fast the frames come that they are given."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kibble.rewards.errors import ConfigError
from kibble.rewards.types import RewardModel

__all__ = ["ThinsFrames", "at_frame_rate"]


@runtime_checkable
class ThinsFrames(Protocol):
    """A model that leaves out frames which come faster than it reads."""

    def at_frame_rate(self, frame_rate: float) -> RewardModel:
        """Return the same model over the same weights for frames that come at this rate.

        A rate that the user set stays as it is.
        """
        ...


def at_frame_rate(model: RewardModel, frame_rate: float) -> RewardModel:
    """Return a model for frames that come at a rate; the model itself where that is all the same.

    Args:
        model: Any reward model.
        frame_rate: Frames per second of what it will be given, above 0.

    Raises:
        ConfigError: If the rate is not above 0.
    """
    if not 0.0 < frame_rate < float("inf"):
        raise ConfigError(f"`frame_rate` must be a number above 0, got {frame_rate}.")
    return model.at_frame_rate(frame_rate) if isinstance(model, ThinsFrames) else model
