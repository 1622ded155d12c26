"""Points that were clicked in a picture and measured on the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, MissingDependencyError

__all__ = ["read_points"]

_FORM = "- {point: [0.30, -0.20, 0.0], pixel: [112.5, 301.0]}"


def read_points(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read points and their pixels.

    Returns:
        (M, 3) m in the base frame and (M, 2) pixels.

    Raises:
        ConfigError: If the file is missing, no YAML, or has another form; the text names file,
            number and key.
        MissingDependencyError: If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(
            "Files of points need PyYAML, which is not installed; run "
            "`pip install 'kibble[keypoints]'`."
        ) from error
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"`points` must name a file, got '{path}' ({error.strerror}); write lines such as "
            f"'{_FORM}'."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"`points` must be YAML, got '{path}': {reason}") from error
    if not isinstance(content, list) or not content:
        raise ConfigError(
            f"`points` must be a list with lines such as '{_FORM}', got "
            f"{type(content).__name__ if content else 'nothing'} in '{path}'."
        )
    rows = [_row(path, number, entry) for number, entry in enumerate(content)]
    points, pixels = zip(*rows, strict=True)
    return np.array(points, np.float64), np.array(pixels, np.float64)


def _row(path: Path, number: int, entry: object) -> tuple[list[float], list[float]]:
    if not isinstance(entry, dict) or set(entry) != {"point", "pixel"}:
        raise ConfigError(f"Point {number} of '{path}' must be like '{_FORM}', got {entry!r}.")
    return (
        _numbers(path, number, "point", entry["point"], 3),
        _numbers(path, number, "pixel", entry["pixel"], 2),
    )


def _numbers(path: Path, number: int, key: str, value: object, count: int) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise ConfigError(
            f"`{key}` of point {number} of '{path}' must be {count} numbers, got {value!r}."
        )
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise ConfigError(
                f"`{key}` of point {number} of '{path}' must be {count} numbers, got {value!r}."
            )
    return [float(item) for item in value]
