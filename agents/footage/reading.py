"""Read whatever a user points at: videos, folders of pictures, a dataset or a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kibble.agents.footage.appearance import describe_appearance
from kibble.agents.footage.bag import is_bag, read_bag
from kibble.agents.footage.dataset import is_dataset, read_episode
from kibble.agents.footage.footage import Footage
from kibble.agents.footage.pictures import picture_files, read_pictures
from kibble.agents.footage.recorded_run import is_run, play_run
from kibble.agents.footage.sources import Source, Views, name_views, rename_views
from kibble.agents.footage.video import MAX_FRAMES, Video, open_video
from kibble.rewards.errors import ConfigError, FrameError

__all__ = ["Sampling", "read_footage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which frames of a recording are read.

    Args:
        max_frames: Most frames to keep besides the last.
        fps: Of a video or bag the frames per second to take at most, ``None`` for all; of a
            folder of pictures the rate at which they were taken, ``None`` for 10.
        episode: Number of the episode in a dataset, of a run or in a bag.
        tolerance: Of a bag, s that images of several cameras may lie apart.
    """

    max_frames: int = MAX_FRAMES
    fps: float | None = None
    episode: int = 0
    tolerance: float = 0.05


def read_footage(
    source: Source,
    *,
    views: Views = None,
    sampling: Sampling | None = None,
    device: torch.device | None = None,
) -> Footage:
    """Read one episode.

    Args:
        source: A video, a picture, a folder of pictures (or of one such folder per view), a
            LeRobot dataset, a run directory, a ROS 2 bag; or several videos or folders of one
            length, as a list together with ``views``, or as a mapping of view names to paths.
        views: For files and folders of pictures, one name each. For datasets, runs and bags,
            which views to use, as a list, or as a mapping from the reward model's name to theirs
            (of bags: to topics).
        sampling: Which frames to read.
        device: Where the agent of a run lives; the CPU by default.

    Returns:
        The footage, with warnings about all that is odd in it.

    Raises:
        ConfigError: If views and inputs do not match, or a setting is out of range.
        FrameError: If there is nothing that can be read.
        CheckpointError: If a dataset or a run is damaged.
        BagError: If a bag is damaged or has no images.

    ``read_footage("push.mp4").frames["front"]`` are the frames of a video.
    """
    sampling = Sampling() if sampling is None else sampling
    only = _only_path(source)
    bag = only is not None and is_bag(only)
    recorded = only is not None and not bag and (is_dataset(only) or is_run(only))
    _check_sampling(sampling, recorded=recorded, bag=bag)
    if only is not None and bag:
        footage = read_bag(
            only,
            sampling.episode,
            views=views,
            max_frames=sampling.max_frames,
            fps=sampling.fps,
            tolerance=sampling.tolerance,
        )
    elif only is not None and is_dataset(only):
        footage = read_episode(only, sampling.episode, views=views, max_frames=sampling.max_frames)
    elif only is not None and is_run(only):
        footage = play_run(
            only,
            sampling.episode,
            device=torch.device("cpu") if device is None else device,
            views=views,
            max_frames=sampling.max_frames,
        )
    else:
        name = None if only is None or not only.is_dir() else only.resolve().name
        footage = _from_files(_files(only, source, views), sampling, name)
    seen = [
        text for view in footage.views for text in describe_appearance(view, footage.frames[view])
    ]
    return replace(footage, warnings=(*footage.warnings, *seen))


def _check_sampling(sampling: Sampling, *, recorded: bool, bag: bool) -> None:
    """Refuse settings that would have no effect."""
    if recorded and sampling.fps is not None:
        raise ConfigError(
            "`fps` is for videos and pictures, got it with a dataset or a run, which know their "
            "own times; leave it out, and set max_frames= to read fewer frames."
        )
    if not recorded and not bag and sampling.episode != 0:
        raise ConfigError(
            "`episode` is for datasets, runs and bags, got it with an input that is one episode; "
            "leave it out."
        )


def _only_path(source: Source) -> Path | None:
    """Return the path if one is given without a name."""
    if isinstance(source, str):
        return Path(source)
    if isinstance(source, Sequence) and len(source) == 1:
        return Path(source[0])
    return None


def _files(only: Path | None, source: Source, views: Views) -> dict[str, Path]:
    """Map each view to a file or a folder of pictures."""
    if only is not None and only.is_dir() and not picture_files(only):
        inner = {
            path.name: path
            for path in sorted(only.iterdir())
            if path.is_dir() and path.name[0] != "."
        }
        filled = [name for name, path in inner.items() if picture_files(path)]
        if filled:
            chosen = rename_views(filled, views, where=str(only))
            return {view: inner[name] for view, name in chosen.items()}
    return {view: Path(path) for view, path in name_views(source, views).items()}


def _from_files(paths: dict[str, Path], sampling: Sampling, name: str | None) -> Footage:
    read = {view: _read_file(path, sampling) for view, path in paths.items()}
    counts = {view: len(video.frames) for view, video in read.items()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{view} {count}" for view, count in counts.items())
        raise FrameError(
            f"The views of one episode must hold equally many frames, got {shown}; "
            "cut them to the same moments, or give one of them alone."
        )
    first = next(iter(read.values()))
    several = len(read) > 1
    warnings = [
        f"View {view!r}: {text}" if several else text
        for view, video in read.items()
        for text in video.warnings
    ]
    apart = max(float(np.abs(video.times - first.times).max()) for video in read.values())
    if len(first.times) > 1 and apart > float(np.diff(first.times).min()):
        warnings.append(
            f"The views are up to {apart:.3g} s apart; the times of view "
            f"{next(iter(read))!r} are used for all."
        )
    return Footage(
        name=name or "-".join(path.stem for path in paths.values()),
        frames={view: video.frames for view, video in read.items()},
        times=first.times,
        warnings=tuple(warnings),
    )


def _read_file(path: Path, sampling: Sampling) -> Video:
    if not path.exists():
        raise FrameError(
            f"`input` must name a file or a folder, got '{path}', where there is nothing; "
            "check the path."
        )
    if is_bag(path):
        raise ConfigError(
            f"A bag must be the only `input`, for it holds all views, got '{path}' among others; "
            "write input=run.mcap 'views={front: /camera/front/image_raw}'."
        )
    if not path.is_dir():
        return open_video(path, fps=sampling.fps, max_frames=sampling.max_frames)
    if not picture_files(path):
        raise FrameError(
            f"`input` must be a video, a folder of pictures, a ROS 2 bag, a LeRobot dataset (with "
            f"meta/) or a run directory (with config.yaml and checkpoints/), got the folder "
            f"'{path}' which is none of these; check the path."
        )
    return read_pictures(path, fps=sampling.fps, max_frames=sampling.max_frames)
