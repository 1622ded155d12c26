"""A directory of weights: ``config.json`` says what they are, ``model.safetensors`` holds them."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save_file
from torch import Tensor, nn

from kibble.rewards.errors import WeightsError

__all__ = [
    "CONFIG_FILE",
    "WEIGHTS_FILE",
    "find_weights",
    "read_config",
    "read_tensors",
    "shipped_names",
    "write_weights",
]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

_T = TypeVar("_T")


def shipped_names(shipped: Path) -> tuple[str, ...]:
    """Names of the directories of weights inside a directory."""
    return tuple(sorted(path.parent.name for path in shipped.glob(f"*/{CONFIG_FILE}")))


def find_weights(name_or_path: str | Path, *, shipped: Path, what: str) -> Path:
    """Find a directory of weights.

    Args:
        name_or_path: A name in ``shipped``, or a directory, or either file in it.
        shipped: Directory of the weights that come with the package.
        what: What is looked for, as in "A reward model".

    Raises:
        WeightsError: If there is no such thing.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    if path.is_file() and path.name in (CONFIG_FILE, WEIGHTS_FILE):
        return path.parent
    names = shipped_names(shipped)
    if str(name_or_path) in names:
        return shipped / str(name_or_path)
    near = difflib.get_close_matches(str(name_or_path), names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known names: {names}."
    raise WeightsError(
        f"{what} must be a known name or a directory of weights, got {str(name_or_path)!r}; {hint}"
    )


def read_config(
    directory: Path, parse: Callable[[Mapping[str, Any]], _T], *, version: int, what: str
) -> _T:
    """Read ``config.json``.

    Args:
        directory: Where it is.
        parse: Makes the result of the document; may raise ValueError, KeyError, TypeError or
            AttributeError.
        version: The ``format`` that the document must have.
        what: What it describes, as in "a reward model".

    Raises:
        WeightsError: If the file is missing, of another format, or not what ``parse`` takes.
    """
    path = directory / CONFIG_FILE
    try:
        document = json.loads(path.read_text())
        if document["format"] != version:
            raise ValueError(f"format {document['format']} instead of {version}")
        return parse(document)
    except FileNotFoundError as error:
        raise WeightsError(
            f"A directory of weights needs {CONFIG_FILE}, got none at {path}; "
            "point at the directory that training wrote."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} must describe {what}, got {type(error).__name__}: {error}; "
            "copy it again from the training run."
        ) from error


def read_tensors(directory: Path, network: nn.Module) -> str:
    """Fill a network, in place, with the tensors of ``model.safetensors``.

    Returns:
        The fingerprint of the file, 16 hexadecimal digits.

    Raises:
        WeightsError: If the file is missing or damaged, does not fit, or has values that are not
            finite.
    """
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
    return hashlib.sha256(content).hexdigest()[:16]


def write_weights(
    directory: Path, document: Mapping[str, object], tensors: Mapping[str, Tensor]
) -> None:
    """Write both files.

    Args:
        directory: Where they go; made if missing.
        document: What ``config.json`` says, its ``format`` among it.
        tensors: A network's state.
    """
    directory.mkdir(parents=True, exist_ok=True)
    whole = {key: value.detach().contiguous() for key, value in tensors.items()}
    save_file(whole, directory / WEIGHTS_FILE)
    (directory / WEIGHTS_FILE).chmod(0o644)  # safetensors leaves it to its owner alone
    (directory / CONFIG_FILE).write_text(json.dumps(document, indent=1) + "\n")
