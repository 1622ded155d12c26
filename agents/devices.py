"""Where torch computes, by the words of a user."""

from __future__ import annotations

import torch

from kibble.rewards.errors import ConfigError

__all__ = ["resolve_device"]


def resolve_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:0`` into a device that is there.

    Raises:
        ConfigError: If it is not.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"`device` must be auto, cpu, cuda or cuda:0, got {name!r}.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"`device` must be available, got {name!r} and torch {torch.__version__} sees no GPU; "
            "write device=cpu, or install torch with CUDA."
        )
    return device
