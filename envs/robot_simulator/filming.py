"""The simulated robot's cameras: pictures of a scene that goes on meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.cameras import read_camera
from kibble.envs.tabletop.renderer import OffscreenRenderer
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX, pack_depth

__all__ = ["Film"]


@final
class Film:
    """Draws views of a scene that was copied; belongs to the thread that makes it.

    Args:
        model: The scene's model.
        views: Cameras, or their names with ``_depth`` added.
        image_size: (height, width) of the pictures, pixels.

    Raises:
        MissingDependencyError: If no GL back end works.
    """

    def __init__(
        self, model: mujoco.MjModel, *, views: Sequence[str], image_size: tuple[int, int]
    ) -> None:
        self._model, self._views, self._image_size = model, tuple(views), image_size
        self._renderer = OffscreenRenderer(model, image_size)
        self.scene = mujoco.MjData(model)

    def take(self) -> dict[str, tuple[NDArray[np.uint8], Camera]]:
        """Return each view's (H, W, 3) uint8 frame of ``scene``, and the camera then."""
        return {view: (self._draw(view), self._camera(view)) for view in self._views}

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()

    def _draw(self, view: str) -> NDArray[np.uint8]:
        if view.endswith(DEPTH_SUFFIX):
            return pack_depth(self._renderer.depth(self.scene, view.removesuffix(DEPTH_SUFFIX)))
        return self._renderer.render(self.scene, view)

    def _camera(self, view: str) -> Camera:
        eye = view.removesuffix(DEPTH_SUFFIX)
        return read_camera(self._model, self.scene, eye, self._image_size)
