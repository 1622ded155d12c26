"""Reward models by name or path."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save_file

from kibble.rewards.errors import WeightsError
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.grm.network import GrmNetwork, NetworkConfig

__all__ = ["available", "load", "load_network", "save"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_SHIPPED = Path(__file__).parent / "grm" / "weights"
_FORMAT = 1


def available() -> tuple[str, ...]:
    """Names of the reward models whose weights ship with the package."""
    return tuple(sorted(path.parent.name for path in _SHIPPED.glob(f"*/{CONFIG_FILE}")))


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
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, target / WEIGHTS_FILE)
    (target / WEIGHTS_FILE).chmod(0o644)  # safetensors leaves it to its owner alone
    document = {"format": _FORMAT, "name": name, "network": asdict(network.config)}
    (target / CONFIG_FILE).write_text(json.dumps(document, indent=1) + "\n")


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_dir():
        return path
    if path.is_file() and path.name in (CONFIG_FILE, WEIGHTS_FILE):
        return path.parent
    names = available()
    if str(name_or_path) in names:
        return _SHIPPED / str(name_or_path)
    near = difflib.get_close_matches(str(name_or_path), names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known names: {names}."
    raise WeightsError(
        f"A reward model must be a known name or a directory of weights, got "
        f"{str(name_or_path)!r}; {hint}"
    )


def _read_config(path: Path) -> tuple[str, NetworkConfig]:
    try:
        document = json.loads(path.read_text())
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']} instead of {_FORMAT}")
        settings: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in document["network"].items()
        }
        unknown = set(settings) - {field.name for field in fields(NetworkConfig)}
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}")
        return str(document["name"]), NetworkConfig(**settings)
    except FileNotFoundError as error:
        raise WeightsError(
            f"A directory of weights needs {CONFIG_FILE}, got none at {path}; "
            "point at the directory that training wrote."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} must describe a reward model, got {type(error).__name__}: {error}; "
            "copy it again from the training run."
        ) from error


def _read(directory: Path) -> tuple[str, GrmNetwork, str]:
    """Name, network and fingerprint of the weights in a directory."""
    name, config = _read_config(directory / CONFIG_FILE)
    weights = directory / WEIGHTS_FILE
    try:
        content = weights.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(
            f"Weights need {WEIGHTS_FILE} beside {CONFIG_FILE}, got neither at {weights}; "
            "copy both files, or train the model again."
        ) from error
    try:
        tensors = parse_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{weights} must be a whole safetensors file, got {len(content)} bytes that are not "
            f"({error}); copy or train it again."
        ) from error
    network = GrmNetwork(config)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:400]
        raise WeightsError(
            f"The tensors of {weights} must fit {CONFIG_FILE}, got a mismatch ({reason}); "
            "keep both files from the same training run."
        ) from error
    bad = [key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise WeightsError(
            f"The tensors of {weights} must be finite, got NaN or infinity in {bad[0]!r}; "
            "train the model again with a lower learning rate."
        )
    return name, network, hashlib.sha256(content).hexdigest()[:16]
