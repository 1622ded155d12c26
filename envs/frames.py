"""Where frames come from: any Gymnasium environment with ``render()``, or one with cameras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, SupportsFloat, TypeVar, final, runtime_checkable

import gymnasium
import numpy as np

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames, single_frame
from kibble.rewards.types import Frames, ModelSpec

__all__ = [
    "CaptureFrames",
    "FrameSource",
    "OffersFurtherViews",
    "RenderedFrames",
    "choose_views",
    "frame_source",
    "model_views",
    "views_for",
]

Obs = TypeVar("Obs")
Act = TypeVar("Act")
Info = dict[str, object]


@runtime_checkable
class FrameSource(Protocol):
    """Anything that can be looked at from named views."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, most important first."""
        ...

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Render the present state.

        Args:
            views: Views to render, or ``None`` for all.

        Returns:
            View to (1, H, W, 3) uint8 RGB.

        Raises:
            FrameError: If there is no such view.
        """
        ...


@runtime_checkable
class OffersFurtherViews(Protocol):
    """A :class:`FrameSource` with views that it draws when they are asked for by name only."""

    @property
    def further_views(self) -> tuple[str, ...]:
        """Names of those views."""
        ...


@final
class RenderedFrames(gymnasium.Wrapper[Obs, Act, Obs, Act]):
    """Offers what ``env.render()`` returns as the frames of one view.

    Args:
        env: An environment made with ``render_mode="rgb_array"``.
        view: Name of the view.

    Raises:
        FrameError: If the environment does not render to arrays.
    """

    def __init__(self, env: gymnasium.Env[Obs, Act], view: str = "front") -> None:
        if env.render_mode != "rgb_array":
            raise FrameError(
                f"`render_mode` of {_name(env)} must be 'rgb_array', got {env.render_mode!r}; "
                "make it with gymnasium.make(id, render_mode='rgb_array')."
            )
        super().__init__(env)
        self.view = view

    @property
    def views(self) -> tuple[str, ...]:
        """The one view."""
        return (self.view,)

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Render the present state; see :meth:`FrameSource.frames`."""
        choose_views(self, views)
        image = self.env.render()
        if not isinstance(image, np.ndarray) or image.ndim != 3:
            raise FrameError(
                f"`render()` of {_name(self.env)} must return an (H, W, 3) uint8 array, got "
                f"{getattr(image, 'shape', type(image).__name__)}."
            )
        frames = single_frame(self.view, image)
        check_frames(frames)
        return frames


@final
class CaptureFrames(gymnasium.Wrapper[Obs, Act, Obs, Act], Generic[Obs, Act]):
    """Puts frames into ``info["frames"]`` at reset, on every k-th step and at the episode's end.

    Make it the outermost wrapper of each environment inside a vector environment: the true last
    frame is then taken before any autoreset. Nothing is rendered on other steps.

    Args:
        env: The environment, time limit included.
        every: k, at least 1. Steps are counted from the episode's start.
        views: Views to render, or ``None`` for all that the environment offers.

    Raises:
        FrameError: If ``every`` is less than 1, a view is missing, or nothing can be rendered.
    """

    def __init__(
        self,
        env: gymnasium.Env[Obs, Act],
        *,
        every: int = 1,
        views: Sequence[str] | None = None,
    ) -> None:
        if every < 1:
            raise FrameError(f"`every` must be at least 1, got {every}.")
        super().__init__(env)
        self.every = every
        self._source = frame_source(env)
        self._views = choose_views(self._source, views)
        self._steps = 0

    @property
    def capture_views(self) -> tuple[str, ...]:
        """The views that are rendered."""
        return self._views

    @property
    def capture_steps(self) -> int:
        """Steps since the episode's start, on which the next due step depends."""
        return self._steps

    def set_capture_steps(self, steps: int) -> None:
        """Continue an episode that has run for so many steps."""
        self._steps = steps

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Obs, Info]:
        """Reset, and capture the start frames."""
        obs, info = self.env.reset(seed=seed, options=options)
        if "frames" in info:
            raise FrameError(
                f"`info` of {_name(self.env)} must not hold 'frames' already; capture them once: "
                "`ShapedReward` does it by itself, and vector members need one `CaptureFrames`."
            )
        self._steps = 0
        return obs, {**info, "frames": self._source.frames(self._views)}

    def step(self, action: Act) -> tuple[Obs, SupportsFloat, bool, bool, Info]:
        """Step, and capture frames if due."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        if terminated or truncated or self._steps % self.every == 0:
            info = {**info, "frames": self._source.frames(self._views)}
        return obs, reward, terminated, truncated, info


def frame_source(env: gymnasium.Env[Obs, Act]) -> FrameSource:
    """Return what renders this environment.

    The outermost layer that is a :class:`FrameSource` (a wrapper, or the environment itself), or
    else ``env.render()`` as the view ``front``.

    Raises:
        FrameError: If there is neither.
    """
    layer: gymnasium.Env[Obs, Act] = env
    while True:
        if isinstance(layer, FrameSource):
            return layer
        if not isinstance(layer, gymnasium.Wrapper):
            return RenderedFrames(env)
        layer = layer.env


def choose_views(source: FrameSource, views: Iterable[str] | None) -> tuple[str, ...]:
    """Return the views asked for, or all; each must be offered, by name only at least.

    Raises:
        FrameError: If one is not.
    """
    chosen = source.views if views is None else tuple(views)
    missing = [view for view in chosen if view not in (*source.views, *_further(source))]
    if missing or not chosen:
        raise FrameError(
            f"`views` must be among {list(source.views)}, got {list(chosen)}; "
            "choose others, or make the environment with the cameras that are missing."
        )
    return chosen


def model_views(offered: Sequence[str], spec: ModelSpec) -> tuple[str, ...]:
    """Return the views that a reward model reads of those offered.

    Raises:
        FrameError: If a view that the model requires is not offered.
    """
    missing = [view for view in spec.required_views if view not in offered]
    if missing:
        raise FrameError(
            f"Reward model {spec.name!r} requires the views {list(spec.required_views)}, the "
            f"environment offers {list(offered)}; make the environment with views={missing} too, "
            "name its rendered view with `RenderedFrames(env, view=…)`, or choose another model."
        )
    return tuple(view for view in spec.views if view in offered)


def views_for(source: FrameSource, spec: ModelSpec) -> tuple[str, ...]:
    """Return the views that a reward model reads of what a source can show.

    Views that the model requires are drawn for it even where the source shows them by name only;
    others only where the source shows them anyway.

    Raises:
        FrameError: If a view that the model requires cannot be shown.
    """
    further = _further(source)
    required = [view for view in spec.required_views if view in further]
    return model_views((*source.views, *required), spec)


def _further(source: FrameSource) -> tuple[str, ...]:
    return source.further_views if isinstance(source, OffersFurtherViews) else ()


def _name(env: gymnasium.Env[Obs, Act]) -> str:
    return repr(env.spec.id) if env.spec is not None else type(env.unwrapped).__name__
