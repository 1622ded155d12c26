"""The cameras of views, from a folder of calibrations or those that ship with the package."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.camera_info import read_camera_info
from kibble.rewards.errors import ConfigError

__all__ = ["SHIPPED", "calibration_folder", "read_cameras"]

_LOGGER = logging.getLogger(__name__)
_FOLDER = Path(__file__).parent / "calibrations"
_UNLIKE = 0.02  # by which the ratio of the sides may differ from rounding to whole pixels
SHIPPED: tuple[str, ...] = ("tabletop",)
"""Names of the calibrations that ship: of the tabletop suite's front, side and top view."""


def read_cameras(calibration: str, sizes: Mapping[str, tuple[int, int]]) -> dict[str, Camera]:
    """Read the cameras of views, for frames of the sizes that come.

    Args:
        calibration: A name of ``SHIPPED``, or a folder with ``<view>.yaml`` for each view; see
            :func:`kibble.rewards.cameras.camera_info.read_camera_info`. A folder's frames may be
            resized ones, stretched too, which is logged: a cropped picture has another
            calibration. Frames of the tabletop suite that are not square show more or less at
            both sides.
        sizes: View to (height, width) of its frames, pixels.

    Returns:
        View to camera.

    Raises:
        ConfigError: If there is no such calibration, or not of a view, or a file is wrong.
        MissingDependencyError: If PyYAML is not installed.
    """
    folder = calibration_folder(calibration)
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    missing = sorted(set(sizes) - set(known))
    if missing:
        raise ConfigError(
            f"`calibration` {calibration!r} must have a file for every view, got none for "
            f"{missing}; it has {known}. Calibrate the camera, or leave the view out."
        )
    cameras = {view: read_camera_info(folder / f"{view}.yaml") for view in sizes}
    fit = _fit_height if calibration in SHIPPED else _stretch
    return {view: fit(camera, sizes[view]) for view, camera in cameras.items()}


def calibration_folder(calibration: str) -> Path:
    """Return the folder of a calibration's files.

    Raises:
        ConfigError: If there is none.
    """
    folder = _FOLDER / calibration if calibration in SHIPPED else Path(calibration)
    if not folder.is_dir():
        raise ConfigError(
            f"`calibration` must be one of {list(SHIPPED)} or a folder with <view>.yaml for each "
            f"view, got {calibration!r}."
        )
    return folder


def _stretch(camera: Camera, size: tuple[int, int]) -> Camera:
    height, width = size
    if abs(width * camera.height / (height * camera.width) - 1) > _UNLIKE:
        _LOGGER.warning(
            "Frames of %d x %d pixels are taken for stretched pictures of the %d x %d pixels that "
            "the camera was calibrated at; if they were cropped, calibrate it for them.",
            *(width, height, camera.width, camera.height),
        )
    return camera.scaled(size)


def _fit_height(camera: Camera, size: tuple[int, int]) -> Camera:
    """Keep the vertical field of view, as MuJoCo does, and the middle of the picture."""
    height, width = size
    scaled = camera.scaled((height, round(camera.width * height / camera.height)))
    intrinsics = scaled.intrinsics.copy()
    intrinsics[0, 2] += (width - scaled.width) / 2
    return replace(scaled, intrinsics=intrinsics, width=width)
