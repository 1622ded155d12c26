"""Keypoint networks by name or path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from kibble.rewards.keypoints.embedded.network import KeypointConfig, KeypointNetwork
from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.weight_files import (
    find_weights,
    read_config,
    read_tensors,
    shipped_names,
    write_weights,
)

__all__ = ["DEFAULT", "available", "load_network", "save_network"]

DEFAULT = "keypoint_tiny"
"""Name of the network that ships with the package."""
_SHIPPED = Path(__file__).parent / "weights"
_FORMAT = 1


def available() -> tuple[str, ...]:
    """Names of the keypoint networks whose weights ship with the package."""
    return shipped_names(_SHIPPED)


def load_network(name_or_path: str | Path = DEFAULT) -> tuple[str, KeypointNetwork, str]:
    """Load a keypoint network, as trained.

    Args:
        name_or_path: A name of :func:`available`, or a directory with ``config.json`` and
            ``model.safetensors`` (or either file).

    Returns:
        Its name, the network on the CPU, and the fingerprint of its weights.

    Raises:
        WeightsError: If the name is unknown, a file is missing or damaged, or the weights do not
            fit the configuration.
    """
    directory = find_weights(name_or_path, shipped=_SHIPPED, what="A keypoint network")
    name, config = read_config(directory, _parse, version=_FORMAT, what="a keypoint network")
    network = KeypointNetwork(config)
    return name, network, read_tensors(directory, network)


def save_network(network: KeypointNetwork, directory: str | Path, *, name: str) -> None:
    """Write ``config.json`` and ``model.safetensors`` so that :func:`load_network` finds them.

    Args:
        network: A network as trained, not yet folded for inference.
        directory: Where the two files go; made if missing.
        name: Name of the network for logs and tables.
    """
    config = network.config
    shape = {field.name: getattr(config, field.name) for field in fields(KeypointConfig)}
    shape["plans"] = [plan.document() for plan in config.plans]
    document = {"format": _FORMAT, "name": name, "network": shape}
    write_weights(Path(directory), document, network.state_dict())


def _parse(document: Mapping[str, Any]) -> tuple[str, KeypointConfig]:
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document["network"].items()
    }
    unknown = set(settings) - {field.name for field in fields(KeypointConfig)}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if not settings["plans"]:
        raise ValueError("no plans")
    settings["plans"] = tuple(Plan.parse(plan) for plan in settings["plans"])
    return str(document["name"]), KeypointConfig(**settings)
