"""Reward models by name or path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.grm.network import GrmNetwork, NetworkConfig
from kibble.rewards.weight_files import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    find_weights,
    read_config,
    read_tensors,
    shipped_names,
    write_weights,
)

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "available", "load", "load_network", "save"]

_SHIPPED = Path(__file__).parent / "grm" / "weights"
_FORMAT = 1


def available() -> tuple[str, ...]:
    """Names of the reward models whose weights ship with the package."""
    return shipped_names(_SHIPPED)


def load(
    name_or_path: str | Path,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    reading: str = "absolute",
    missing_view: str = "learned",
) -> GeneralRewardModel:
    """Load a reward model.

    Args:
        name_or_path: A name of :func:`available`, or a directory with ``config.json`` and
            ``model.safetensors`` (or either file).
        device: Where it runs; the CPU by default.
        dtype: Dtype of the image encoder; ``None`` takes what the device computes natively.
        reading: How hops become progress; see :class:`GeneralRewardModel`.
        missing_view: ``learned`` or ``flag``; see :class:`GeneralRewardModel`.

    Returns:
        The model; ``spec.version`` is the SHA-256 fingerprint of its weights.

    Raises:
        WeightsError: If the name is unknown, a file is missing or damaged, or the weights do not
            fit the configuration.
    """
    name, network, version = _read(_find(name_or_path))
    return GeneralRewardModel(
        network,
        name=name,
        version=version,
        device=device,
        dtype=dtype,
        reading=reading,
        missing_view=missing_view,
    )


def load_network(name_or_path: str | Path) -> GrmNetwork:
    """Load a network to train further, not folded for inference.

    Args:
        name_or_path: As for :func:`load`.

    Returns:
        The network, on the CPU.

    Raises:
        WeightsError: As for :func:`load`.
    """
    return _read(_find(name_or_path))[1]


def save(network: GrmNetwork, directory: str | Path, *, name: str) -> None:
    """Write ``config.json`` and ``model.safetensors`` so that :func:`load` finds them.

    Args:
        network: A network as trained, not yet folded for inference.
        directory: Where the two files go; made if missing.
        name: Name of the model for logs and tables.
    """
    document = {"format": _FORMAT, "name": name, "network": asdict(network.config)}
    write_weights(Path(directory), document, network.state_dict())


def _find(name_or_path: str | Path) -> Path:
    return find_weights(name_or_path, shipped=_SHIPPED, what="A reward model")


def _parse(document: Mapping[str, Any]) -> tuple[str, NetworkConfig]:
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document["network"].items()
    }
    unknown = set(settings) - {field.name for field in fields(NetworkConfig)}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return str(document["name"]), NetworkConfig(**settings)


def _read(directory: Path) -> tuple[str, GrmNetwork, str]:
    """Name, network and fingerprint of the weights in a directory."""
    name, config = read_config(directory, _parse, version=_FORMAT, what="a reward model")
    network = GrmNetwork(config)
    return name, network, read_tensors(directory, network)
