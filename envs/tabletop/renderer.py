"""Offscreen pictures and depth of a scene, without antialiasing, shadows or reflections."""

from __future__ import annotations

import os
import sys
from typing import final

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import MissingDependencyError

__all__ = ["OffscreenRenderer"]

_REMEDY = (
    "on Debian or Ubuntu install libegl1 and libgl1-mesa-dri and set MUJOCO_GL=egl before Python "
    "starts, or install libosmesa6 and set MUJOCO_GL=osmesa; `kibble doctor` tries each back end."
)


@final
class OffscreenRenderer:
    """Draws the cameras of one model into arrays.

    The GL back end is the one that ``MUJOCO_GL`` names. Without it Linux uses EGL, which needs no
    display, and other systems MuJoCo's own choice.

    Args:
        model: The model.
        image_size: (height, width) of the pictures, pixels; at most the model's offscreen size.

    Raises:
        MissingDependencyError: If no GL context can be made.
    """

    def __init__(self, model: mujoco.MjModel, image_size: tuple[int, int]) -> None:
        height, width = image_size
        self._model = model
        self._shape = (height, width)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._backend = os.environ.get("MUJOCO_GL", "").lower().strip()
        if not self._backend and sys.platform.startswith("linux"):
            self._backend = "egl"
        # GL libraries fail in their own ways: missing modules, missing symbols of a missing
        # library (AttributeError), refused contexts (RuntimeError, FatalError, OSError).
        try:
            self._context = _make_context(self._backend, width, height)
            self._context.make_current()
            self._target = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except (
            ImportError,
            AttributeError,
            RuntimeError,
            OSError,
            TypeError,
            mujoco.FatalError,
        ) as error:
            raise MissingDependencyError(
                f"Rendering needs a working GL back end, got {type(error).__name__} from "
                f"MUJOCO_GL={self._backend!r} ({str(error).strip() or 'no reason given'}); "
                f"{_REMEDY}"
            ) from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._target)
        self._target.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value  # keeps precision
        self._scene = mujoco.MjvScene(model, maxgeom=200)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW.value] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION.value] = 0
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value

    def render(self, data: mujoco.MjData, camera: str | mujoco.MjvCamera) -> NDArray[np.uint8]:
        """Return the (H, W, 3) uint8 RGB picture of a named or a free camera, C-contiguous."""
        self._draw(data, camera)
        pixels = np.empty((*self._shape, 3), np.uint8)  # (H, W, 3), bottom row first
        mujoco.mjr_readPixels(pixels, None, self._rect, self._target)
        return np.ascontiguousarray(pixels[::-1])

    def depth(self, data: mujoco.MjData, camera: str | mujoco.MjvCamera) -> NDArray[np.float32]:
        """Return (H, W) float32 m along the camera's z axis, NaN where there is nothing."""
        skybox = mujoco.mjtRndFlag.mjRND_SKYBOX.value  # a box around the scene, which has depth
        self._scene.flags[skybox] = 0
        self._draw(data, camera)
        self._scene.flags[skybox] = 1
        buffer = np.empty(self._shape, np.float32)  # (H, W), 1 at the near plane, 0 at the far one
        mujoco.mjr_readPixels(None, buffer, self._rect, self._target)
        eye = self._scene.camera[0]
        near, far = float(eye.frustum_near), float(eye.frustum_far)
        nearness = buffer[::-1].astype(np.float64)
        depth = near * far / (near + nearness * (far - near))  # (H, W) m
        return np.where(nearness > 0, depth, np.nan).astype(np.float32)

    def _draw(self, data: mujoco.MjData, camera: str | mujoco.MjvCamera) -> None:
        if isinstance(camera, str):
            self._camera.fixedcamid = int(self._model.camera(camera).id)
            camera = self._camera
        self._context.make_current()
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._option,
            None,
            camera,
            mujoco.mjtCatBit.mjCAT_ALL.value,
            self._scene,
        )
        mujoco.mjr_render(self._rect, self._scene, self._target)

    def close(self) -> None:
        """Free the GL context; the renderer cannot be used afterwards."""
        self._context.make_current()
        self._target.free()
        self._context.free()


def _make_context(backend: str, width: int, height: int) -> mujoco.GLContext:
    if backend == "egl" and not os.environ.get("MUJOCO_GL"):
        from mujoco.egl import GLContext
    else:
        from mujoco import GLContext
    return GLContext(width, height)
