"""What one reward model reads from footage, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.grm.readings import hop
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.types import Estimate, Frames, ModelSpec, RewardModel, Status, Task
from kibble.rewards.whole_episode import read_videos

__all__ = ["Curve", "read_curve", "readable_views"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """The readings of one model from some views.

    Args:
        label: What it is called in tables and pictures.
        spec: The model.
        views: Views that it read.
        estimate: (T,) progress, success, confidence and status.
        hops: (T,) float64 relative progress since the frame before, in [-1, 1]; NaN at the first
            frame and wherever one of the two frames has no answer.
        sketches: T of what the model went by, or none where it can show nothing.
    """

    label: str
    spec: ModelSpec
    views: tuple[str, ...]
    estimate: Estimate
    hops: NDArray[np.float64]
    sketches: tuple[Sketch | None, ...] = ()

    def __len__(self) -> int:
        return len(self.estimate)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(T,) whether the model gave an answer; elsewhere its numbers mean nothing."""
        return np.equal(self.estimate.status, Status.OK)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return progress, success, confidence or hop, (T,), NaN where there is no answer."""
        if name == "hop":
            return self.hops
        values = np.asarray(getattr(self.estimate, name), np.float64)
        return np.where(self.answered, values, np.nan)


def read_curve(
    model: RewardModel,
    frames: Frames,
    task: Task,
    *,
    label: str,
    on_frame: Callable[[int], None] | None = None,
) -> Curve:
    """Read every frame: in order, as a robot would, unless the model reads whole episodes only.

    Args:
        model: The reward model.
        frames: (T, H, W, 3) uint8 RGB per view; views unknown to the model are left out.
        task: What was wanted.
        label: What the curve is called.
        on_frame: Called with the number of frames just read.

    Raises:
        FrameError: If the model knows none of the views, or lacks one that it requires.
    """
    sketches: list[Sketch | None] = []
    (estimate,) = read_videos(
        model,
        [(task, frames)],
        on_frame=on_frame,
        on_sketch=lambda _, sketch: sketches.append(sketch),
    )
    return Curve(
        label=label,
        spec=model.spec,
        views=tuple(view for view in model.spec.views if view in frames),
        estimate=estimate,
        hops=_hops(estimate),
        sketches=tuple(sketches),
    )


def readable_views(spec: ModelSpec, views: Sequence[str]) -> list[str]:
    """Return the views that a model can read alone, if it knows several of them.

    >>> spec = ModelSpec(name="a", version="1", views=("front", "wrist"),
    ...     required_views=("front",), image_size=(96, 96))
    >>> readable_views(spec, ["front", "wrist"]), readable_views(spec, ["front"])
    (['front'], [])
    """
    known = [view for view in spec.views if view in views]
    alone = [view for view in known if set(spec.required_views) <= {view}]
    return alone if len(known) > 1 else []


def _hops(estimate: Estimate) -> NDArray[np.float64]:
    ok = estimate.status == Status.OK
    progress = np.where(ok, estimate.progress, 0.0)
    hops = np.full(len(estimate), np.nan)
    both = ok[1:] & ok[:-1]
    hops[1:][both] = hop(progress[:-1], progress[1:])[both]
    return hops
