"""Several views of a MuJoCo environment that this project did not write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, final

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.envs.frames import choose_views
from kibble.envs.tabletop.renderer import OffscreenRenderer
from kibble.rewards.errors import FrameError
from kibble.rewards.frames import single_frame
from kibble.rewards.types import Frames

__all__ = ["MujocoFrames"]

Obs = TypeVar("Obs")
Act = TypeVar("Act")


@final
class MujocoFrames(gymnasium.Wrapper[Obs, Act, Obs, Act]):
    """Offers cameras of a Gymnasium MuJoCo task as named views, rendered only when asked.

    The environment needs no ``render_mode``. Shadows and reflections are off, which makes this
    many times as fast as ``env.render()``.

    Args:
        env: An environment whose ``unwrapped`` has MuJoCo's ``model`` and ``data``.
        cameras: View to the name of a camera of the model, or ``None`` for the free camera that
            MuJoCo places so that the whole model is seen.
        image_size: (height, width), pixels.

    Raises:
        FrameError: If the environment is not MuJoCo's or a camera is not in the model.

    >>> import gymnasium
    >>> env = MujocoFrames(
    ...     gymnasium.make("Walker2d-v5"), cameras={"front": "track", "far": None}
    ... )
    >>> env.views
    ('front', 'far')
    """

    def __init__(
        self,
        env: gymnasium.Env[Obs, Act],
        *,
        cameras: Mapping[str, str | None],
        image_size: tuple[int, int] = (96, 96),
    ) -> None:
        super().__init__(env)
        model = getattr(env.unwrapped, "model", None)
        data = getattr(env.unwrapped, "data", None)
        if not isinstance(model, mujoco.MjModel) or not isinstance(data, mujoco.MjData):
            raise FrameError(
                f"`env` must have MuJoCo's `model` and `data`, got {type(env.unwrapped).__name__};"
                " for other environments use `RenderedFrames`."
            )
        known = [model.camera(i).name for i in range(model.ncam)]
        for view, camera in cameras.items():
            if camera is not None and camera not in known:
                raise FrameError(
                    f"The camera of view {view!r} must be one of the model's, {known}, or None "
                    f"for the free camera, got {camera!r}."
                )
        limit = (int(model.vis.global_.offheight), int(model.vis.global_.offwidth))
        if not (0 < image_size[0] <= limit[0] and 0 < image_size[1] <= limit[1]):
            raise FrameError(f"`image_size` must lie in (0, {limit}], got {image_size}.")
        self._model, self._data, self._cameras = model, data, dict(cameras)
        self._image_size = image_size
        self._free = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, self._free)
        self._renderer: OffscreenRenderer | None = None

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""
        return tuple(self._cameras)

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Render the present state; see :meth:`kibble.envs.FrameSource.frames`."""
        if self._renderer is None:  # a GL context is made only where frames are wanted
            self._renderer = OffscreenRenderer(self._model, self._image_size)
        frames: dict[str, NDArray[np.uint8]] = {}
        for view in choose_views(self, views):
            camera = self._cameras[view]
            image = self._renderer.render(self._data, self._free if camera is None else camera)
            frames.update(single_frame(view, image))
        return frames

    def close(self) -> None:
        """Close the environment and free the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        super().close()
