"""Calibration files in the form of ROS camera_info, with the place of the camera added."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.distortion import COEFFICIENTS
from kibble.rewards.errors import ConfigError, MissingDependencyError

__all__ = ["read_camera_info", "write_camera_info"]

_HALF_PIXEL = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
"""From pixels counted from the first one's centre, as in these files, to those from its corner."""

_FORM = "see 'Cameras' in docs/keypoints.md for a whole file"


def read_camera_info(path: Path, *, extrinsics: NDArray[np.float64] | None = None) -> Camera:
    """Read a calibration of pictures as the camera takes them.

    The file has the keys that ROS's ``camera_calibration`` writes (``image_width``,
    ``image_height``, ``camera_name``, ``camera_matrix``, ``distortion_model``,
    ``distortion_coefficients``, ``rectification_matrix``, ``projection_matrix``) and
    ``base_to_camera``, a 4x4 matrix in the same form that maps points of the base frame to the
    camera frame (x right, y down, z forward), m. The rectification and the projection matrix are
    about rectified pictures, and are checked but not used. For frames that are rectified already,
    write zeros as coefficients and the left part of the projection matrix as camera matrix.

    Args:
        path: The file.
        extrinsics: (4, 4) to take in place of ``base_to_camera``, which may then be missing.

    Raises:
        ConfigError: If the file is missing or no YAML, a key is missing or has the wrong form, or
            what it holds is no camera; the text names file and key.
        MissingDependencyError: If PyYAML is not installed.
    """
    content = _load(path)
    width, height = (_whole(path, content, f"image_{side}") for side in ("width", "height"))
    _text(path, content, "camera_name")
    model = _text(path, content, "distortion_model")
    if model not in COEFFICIENTS:
        raise ConfigError(
            f"`distortion_model` of {path} must be one of {sorted(COEFFICIENTS)}, got {model!r}; "
            "calibrate with one of them."
        )
    _matrix(path, content, "rectification_matrix", (3, 3))
    _matrix(path, content, "projection_matrix", (3, 4))
    if extrinsics is None:
        extrinsics = _matrix(path, content, "base_to_camera", (4, 4))
    try:
        return Camera(
            intrinsics=_HALF_PIXEL @ _matrix(path, content, "camera_matrix", (3, 3)),
            extrinsics=extrinsics,
            width=width,
            height=height,
            distortion=_matrix(path, content, "distortion_coefficients", (1, None))[0],
            distortion_model=model,
        )
    except ConfigError as error:
        raise ConfigError(f"{path} is no calibration of a camera: {error}") from error


def write_camera_info(path: Path, camera: Camera, *, name: str) -> None:
    """Write a calibration that :func:`read_camera_info`, and ROS, can read.

    Args:
        path: The file; it is replaced.
        camera: The camera.
        name: The name of the camera or view.

    Raises:
        MissingDependencyError: If PyYAML is not installed.
    """
    yaml = _yaml()
    intrinsics = np.linalg.inv(_HALF_PIXEL) @ camera.intrinsics
    coefficients = camera.distortion if len(camera.distortion) else np.zeros(5)
    content = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": name,
        "camera_matrix": _as_mapping(intrinsics),
        "distortion_model": camera.distortion_model,
        "distortion_coefficients": _as_mapping(coefficients[None]),
        "rectification_matrix": _as_mapping(np.eye(3)),
        "projection_matrix": _as_mapping(np.hstack([intrinsics, np.zeros((3, 1))])),
        "base_to_camera": _as_mapping(camera.extrinsics),
    }
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=96)
    path.write_text(text, encoding="utf-8")


def _as_mapping(matrix: NDArray[np.float64]) -> dict[str, int | list[float]]:
    rows, cols = matrix.shape
    data = [float(value) + 0.0 for value in np.round(matrix, 12).ravel()]  # + 0.0: no minus zero
    return {"rows": rows, "cols": cols, "data": data}


def _load(path: Path) -> Mapping[str, object]:
    yaml = _yaml()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The calibration {path} cannot be read ({error.strerror}); give a file in the form "
            f"of ROS camera_info, {_FORM}."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"The calibration {path} must be YAML, got: {reason}.") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"The calibration {path} must map keys to values, got "
            f"{'nothing' if content is None else type(content).__name__}; {_FORM}."
        )
    return content


def _get(path: Path, content: Mapping[str, object], key: str) -> object:
    if key not in content:
        raise ConfigError(
            f"The calibration {path} must have the key `{key}`, got {sorted(map(str, content))}; "
            f"{_FORM}."
        )
    return content[key]


def _whole(path: Path, content: Mapping[str, object], key: str) -> int:
    value = _get(path, content, key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"`{key}` of {path} must be a whole number of pixels, got {value!r}.")
    return value


def _text(path: Path, content: Mapping[str, object], key: str) -> str:
    value = _get(path, content, key)
    if not isinstance(value, str):
        raise ConfigError(f"`{key}` of {path} must be a word, got {value!r}.")
    return value


def _matrix(
    path: Path, content: Mapping[str, object], key: str, shape: tuple[int, int | None]
) -> NDArray[np.float64]:
    value = _get(path, content, key)
    rows, cols = shape
    form = f"`rows: {rows}`, `cols: {cols or 'their number'}` and `data`, a list of numbers"
    if not isinstance(value, dict) or not {"rows", "cols", "data"} <= set(value):
        raise ConfigError(f"`{key}` of {path} must have {form}, got {value!r}.")
    data = value["data"]
    numbers = [_number(item) for item in data] if isinstance(data, list) else [None]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        raise ConfigError(f"`{key}.data` of {path} must be a list of numbers, got {data!r}.")
    cols = len(known) if cols is None else cols
    said = (value["rows"], value["cols"])
    if said != (rows, cols) or len(known) != rows * cols:
        raise ConfigError(
            f"`{key}` of {path} must have {form}, {rows * cols} in all, got {said[0]} rows and "
            f"{said[1]} cols with {len(known)} numbers."
        )
    return np.array(known, np.float64).reshape(rows, cols)


def _number(item: object) -> float | None:
    if isinstance(item, bool) or not isinstance(item, int | float | str):
        return None
    try:
        return float(item)  # YAML 1.1 takes "1e-05", as C++ writes it, for text
    except ValueError:
        return None


def _yaml() -> Any:  # a module without types
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(
            "Calibration files need PyYAML, which is not installed; run "
            "`pip install 'kibble[keypoints]'`."
        ) from error
    return yaml
