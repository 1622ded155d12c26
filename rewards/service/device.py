"""Where a reward model computes, by its own word."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kibble.rewards.errors import ModelError
from kibble.rewards.types import RewardModel

__all__ = ["OnDevice", "check_device"]

_KINDS = frozenset({"cpu", "cuda", "mps", "xpu"})


@runtime_checkable
class OnDevice(Protocol):
    """A reward model that can say where it computes."""

    @property
    def device(self) -> str:
        """Such as "cpu", "cuda:0", or the address of a server."""
        ...


def check_device(model: RewardModel, asked: str | None) -> str:
    """Return where a model computes, "" if it cannot say.

    Raises:
        ModelError: If it computes on another kind of device than was asked for.
    """
    device = model.device if isinstance(model, OnDevice) else ""
    kind = device.partition(":")[0]
    if asked is not None and kind in _KINDS and kind != asked.partition(":")[0]:
        raise ModelError(
            f"Reward model {model.spec.name!r} must compute on {asked!r}, got {device!r}; choose "
            "the device that it is on, or install a build of torch that has the other."
        )
    return device
