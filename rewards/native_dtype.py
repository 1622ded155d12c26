"""The dtype that a network computes in, by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from kibble.rewards.errors import ConfigError

__all__ = ["DTYPES", "dtype_of", "native_dtype"]

DTYPES = ("auto", "float32", "bfloat16", "float16")


def native_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device multiplies in it, float32 elsewhere."""
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device)[0] >= 8
    elif device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch >= 2.9
        capabilities: Mapping[str, object] = torch.cpu.get_capabilities()
        native = bool(capabilities.get("avx512_bf16", False))
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of a name of ``DTYPES``; ``auto`` is :func:`native_dtype`.

    Raises:
        ConfigError: If the name is none of them.
    """
    if name not in DTYPES:
        raise ConfigError(f"`dtype` must be one of {', '.join(DTYPES)}, got {name!r}.")
    if name == "auto":
        return native_dtype(device)
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype
