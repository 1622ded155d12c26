"""Statistics of features, per episode and of a whole dataset, as LeRobot defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.features import (
    INDEX_FEATURES,
    Columns,
    Features,
    Position,
)

__all__ = ["Statistics", "episode_statistics", "join_statistics"]

Statistics: TypeAlias = Mapping[str, Mapping[str, NDArray[np.generic]]]
"""Feature name to min, max, mean, std, count and quantiles."""

_QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_MOST_PICTURES = 100


def episode_statistics(
    columns: Columns, features: Features, position: Position
) -> dict[str, dict[str, NDArray[np.generic]]]:
    """Return the statistics of one episode; arguments as in ``episode_table``, videos included.

    Vectors have one figure per element, scalars (1,), pictures (3, 1, 1) per channel, scaled to
    [0, 1] and of at most 100 frames. Sentences have none.
    """
    rows = len(next(iter(columns.values())))
    index = position.columns(rows)
    found = {}
    for name, feature in {**features, **INDEX_FEATURES}.items():
        if feature.dtype == "string":
            continue
        column = columns[name] if name in features else index[name]
        if feature.is_visual:
            found[name] = _of_pictures(column)
        else:
            found[name] = _of_rows(column.reshape(rows, -1).astype(np.float64), rows)
    return found


def join_statistics(parts: Sequence[Statistics]) -> dict[str, dict[str, NDArray[np.generic]]]:
    """Return the statistics of all from those of each.

    Mean and deviation are exact; quantiles are weighted means of the parts', as LeRobot has them.

    Args:
        parts: At least one.
    """
    return {name: _join([part[name] for part in parts if name in part]) for name in parts[0]}


def _join(parts: Sequence[Mapping[str, NDArray[np.generic]]]) -> dict[str, NDArray[np.generic]]:
    counts = np.stack([part["count"] for part in parts]).astype(np.float64)  # (P, 1)
    means = np.stack([part["mean"] for part in parts])  # (P, *S)
    weights = (counts / counts.sum()).reshape(len(parts), *([1] * (means.ndim - 1)))
    mean = (weights * means).sum(axis=0)
    spread = np.stack([part["std"] for part in parts]) ** 2 + (means - mean) ** 2
    joined: dict[str, NDArray[np.generic]] = {
        "min": np.stack([part["min"] for part in parts]).min(axis=0),
        "max": np.stack([part["max"] for part in parts]).max(axis=0),
        "mean": mean,
        "std": np.sqrt((weights * spread).sum(axis=0)),
        "count": counts.sum(axis=0).astype(np.int64),
    }
    for key in _QUANTILES:
        joined[key] = (weights * np.stack([part[key] for part in parts])).sum(axis=0)
    return joined


def _of_pictures(frames: NDArray[np.generic]) -> dict[str, NDArray[np.generic]]:
    count = min(len(frames), _MOST_PICTURES)
    chosen = frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]
    histograms = np.stack(
        [np.bincount(chosen[..., c].reshape(-1), minlength=256) for c in range(3)]
    )
    found = {
        key: (value / 255.0).reshape(3, 1, 1) for key, value in _of_histograms(histograms).items()
    }
    return {**found, "count": np.array([count])}


def _of_histograms(histograms: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return the statistics of (C, 256) counts of the values 0 to 255."""
    values = np.arange(256.0)
    shares = histograms / histograms.sum(axis=1, keepdims=True)
    mean = shares @ values
    cumulated = shares.cumsum(axis=1)
    found = {
        "min": (histograms > 0).argmax(axis=1).astype(np.float64),
        "max": 255.0 - (histograms[:, ::-1] > 0).argmax(axis=1),
        "mean": mean,
        "std": np.sqrt(np.maximum(shares @ values**2 - mean**2, 0.0)),
    }
    for key, quantile in _QUANTILES.items():
        found[key] = (cumulated >= quantile - 1e-12).argmax(axis=1).astype(np.float64)
    return found


def _of_rows(rows: NDArray[np.float64], count: int) -> dict[str, NDArray[np.generic]]:
    quantiles = np.quantile(rows, list(_QUANTILES.values()), axis=0)
    return {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "count": np.array([count]),
        **dict(zip(_QUANTILES, quantiles, strict=True)),
    }
