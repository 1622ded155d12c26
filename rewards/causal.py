"""Read whole videos as a robot would: frame by frame, never looking ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kibble.rewards.ending import EndsEpisodes
from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames
from kibble.rewards.keypoints.sketch import Sketch, Sketches
from kibble.rewards.types import Episode, Estimate, Frames, RewardModel, Task

__all__ = ["known_views", "read_causally"]


def read_causally(
    model: RewardModel,
    videos: Sequence[tuple[Task, Frames]],
    *,
    batch: int = 32,
    on_frame: Callable[[int], None] | None = None,
    on_sketch: Callable[[int, Sketch | None], None] | None = None,
) -> list[Estimate]:
    """Estimate every frame of videos in order, several videos in lockstep as one batch.

    Each episode is opened with ``model.begin(task, frame 0)`` and then estimated on frames 0, 1, …
    T - 1. Views that the model does not know are left out. Videos that share one frames object are
    read side by side, so that a model which keeps its latest encodings encodes them once.

    Args:
        model: Any reward model.
        videos: Pairs of a task and (T, H, W, 3) uint8 RGB frames per view; T may differ.
        batch: Largest number of frames in one call of ``model.estimate``.
        on_frame: Called with the number of frames just read, after each call of the model.
        on_sketch: Called for each frame with the number of its video and what the model can show
            of it; never, where the model can show nothing.

    Returns:
        One estimate of shape (T,) for each video, in the order given.

    Raises:
        FrameError: If a video has no frames or no view that the model knows.
        ValueError: If ``batch`` is less than 1.
    """
    if batch < 1:
        raise ValueError(f"`batch` must be 1 or more, got {batch}.")
    known = [(task, known_views(model, frames)) for task, frames in videos]
    parts: list[list[Estimate]] = [[] for _ in videos]
    for group in _groups(videos, known, batch):
        _read_group(model, known, group, parts, on_frame, on_sketch)
    return [_join(steps) for steps in parts]


def known_views(model: RewardModel, frames: Frames) -> Frames:
    """Keep the views of a video that a model knows.

    Raises:
        FrameError: If there are none, a required one is missing, or the video has no frames.
    """
    known = {view: array for view, array in frames.items() if view in model.spec.views}
    if not known:
        raise FrameError(
            f"Frames must have a view that {model.spec.name!r} knows, one of "
            f"{', '.join(model.spec.views)}, got {sorted(frames)}; name the data's views so."
        )
    if check_frames(known, views=model.spec.required_views) == 0:
        raise FrameError("A video must have frames, got none; leave empty videos out.")
    return known


def _groups(
    videos: Sequence[tuple[Task, Frames]],
    known: Sequence[tuple[Task, Frames]],
    batch: int,
) -> Iterator[list[list[int]]]:
    """Yield up to ``batch`` different videos of equal form, each with all that is asked of it."""
    same_video: dict[int, list[int]] = {}
    for i, (_, frames) in enumerate(videos):
        same_video.setdefault(id(frames), []).append(i)
    same_form: dict[object, list[list[int]]] = {}
    for members in same_video.values():
        frames = known[members[0]][1]
        form = tuple((view, array.shape[1:]) for view, array in sorted(frames.items()))
        same_form.setdefault(form, []).append(members)
    for different in same_form.values():
        # long ones first: those that are read together then end together
        different.sort(key=lambda members: -_length(known[members[0]][1]))
        for begin in range(0, len(different), batch):
            yield different[begin : begin + batch]


def _read_group(
    model: RewardModel,
    known: Sequence[tuple[Task, Frames]],
    group: Sequence[Sequence[int]],
    parts: list[list[Estimate]],
    on_frame: Callable[[int], None] | None,
    on_sketch: Callable[[int, Sketch | None], None] | None,
) -> None:
    episodes: dict[int, Episode] = {}
    for members in group:
        start = _at([known[members[0]][1]], 0)
        for i in members:
            episodes[i] = model.begin(known[i][0], start)
    for t in range(_length(known[group[0][0]][1])):
        alive = [members for members in group if _length(known[members[0]][1]) > t]
        for nth in range(max(map(len, alive))):
            now = [members[nth] for members in alive if len(members) > nth]
            estimate = model.estimate(
                [episodes[i] for i in now], _at([known[i][1] for i in now], t)
            )
            for row, i in enumerate(now):
                parts[i].append(_row(estimate, row))
                if on_sketch is not None and isinstance(model, Sketches):
                    on_sketch(i, model.sketch(episodes[i]))
            if on_frame is not None:
                on_frame(len(now))
    if isinstance(model, EndsEpisodes):
        model.end(list(episodes.values()))


def _length(frames: Frames) -> int:
    return len(next(iter(frames.values())))


def _at(videos: Sequence[Frames], t: int) -> Frames:
    """Frame t of each video, (N, H, W, 3) per view."""
    return {view: np.stack([frames[view][t] for frames in videos]) for view in videos[0]}


def _row(estimate: Estimate, row: int) -> Estimate:
    one = slice(row, row + 1)
    return Estimate(
        progress=estimate.progress[one],
        success=estimate.success[one],
        confidence=estimate.confidence[one],
        status=estimate.status[one],
    )


def _join(steps: Sequence[Estimate]) -> Estimate:
    return Estimate(
        progress=np.concatenate([step.progress for step in steps]),
        success=np.concatenate([step.success for step in steps]),
        confidence=np.concatenate([step.confidence for step in steps]),
        status=np.concatenate([step.status for step in steps]),
    )
