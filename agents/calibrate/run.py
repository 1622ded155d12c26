"""``kibble calibrate``: find where a camera stands, and see whether that is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from kibble.agents.calibrate.check_picture import draw_check
from kibble.agents.calibrate.config import CalibrateConfig
from kibble.agents.calibrate.points_file import read_points
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.camera_info import read_camera_info, write_camera_info
from kibble.rewards.cameras.placing import place_camera
from kibble.rewards.errors import ConfigError

__all__ = ["calibrate"]


def calibrate(config: CalibrateConfig) -> int:
    """Place a camera and draw what that means: the command ``kibble calibrate``.

    Returns:
        Exit status: 0.

    Raises:
        KibbleError: If a file is not usable, or no place of the camera fits the points.
    """
    file = Path(config.camera)
    view = config.view or file.stem
    folder = Path(config.out)
    written = [folder / f"{view}.yaml"] if config.points is not None else []
    written += [folder / f"{view}_check.png"] if config.picture is not None else []
    for path in written:
        if path.exists() and not config.overwrite:
            raise ConfigError(
                f"`out` must have no {path.name} yet, got '{path}', which exists; choose another "
                "folder or view, or add overwrite=true. Nothing was changed."
            )
    points, pixels = np.empty((0, 3)), np.empty((0, 2))
    if config.points is None:
        camera = read_camera_info(file)
    else:
        points, pixels = read_points(Path(config.points))
        camera = read_camera_info(file, extrinsics=np.eye(4))
        camera, errors = place_camera(camera, points, pixels)
        for number, (point, error) in enumerate(zip(points, errors, strict=True)):
            place = ", ".join(f"{value:.3f}" for value in point)
            print(f"  point {number} at ({place}) m: {error:.2f} pixels")
        print(
            f"Reprojection error: {errors.mean():.2f} pixels on average, {errors.max():.2f} most"
        )
    print("The camera stands at ({:.3f}, {:.3f}, {:.3f}) m.".format(*camera.centre))
    checked = None
    if config.picture is not None:
        picture = _open(config.picture, camera)
        checked = draw_check(picture, camera, points=points, pixels=pixels, surface=config.surface)
    folder.mkdir(parents=True, exist_ok=True)
    if config.points is not None:
        write_camera_info(folder / f"{view}.yaml", camera, name=view)
        print(f"Calibration: {folder / f'{view}.yaml'}")
    if checked is not None:
        Image.fromarray(checked).save(folder / f"{view}_check.png")
        print(f"Look whether the grid lies on the table: {folder / f'{view}_check.png'}")
    return 0


def _open(path: str, camera: Camera) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            picture = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise ConfigError(f"`picture` must be a picture, got {path!r}: {error}.") from error
    if picture.shape[:2] != (camera.height, camera.width):
        raise ConfigError(
            f"`picture` must have the size that the camera was calibrated at, {camera.width} x "
            f"{camera.height} pixels, got {picture.shape[1]} x {picture.shape[0]} in {path!r}."
        )
    return picture
