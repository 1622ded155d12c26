"""Read one episode of recorded demonstrations as footage."""

from __future__ import annotations

from pathlib import Path

from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.footage.footage import Footage
from kibble.agents.footage.recording import recorded_footage
from kibble.agents.footage.sources import Views
from kibble.agents.footage.video import MAX_FRAMES
from kibble.rewards.errors import FrameError

__all__ = ["is_dataset", "read_episode"]


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds recorded demonstrations, whole or not."""
    return (folder / "meta").is_dir()


def read_episode(
    folder: Path, episode: int, *, views: Views = None, max_frames: int = MAX_FRAMES
) -> Footage:
    """Read one episode of a LeRobot dataset.

    Args:
        folder: The dataset.
        episode: Its number, from 0.
        views: Which views to use, and under which names.
        max_frames: Most frames to keep besides the last.

    Raises:
        ConfigError: If there is no such episode or view.
        CheckpointError: If the dataset is damaged or half written.
        FrameError: If the dataset has no pictures.
    """
    dataset = Demonstrations(folder, views=views)
    recorded = dataset.episode(episode)
    if not recorded.frames:
        raise FrameError(
            f"A dataset must hold pictures to be scored, got '{folder}' with none; "
            "record it with cameras."
        )
    labels = recorded.labels
    return recorded_footage(
        recorded.frames,
        name=f"{folder.resolve().name}-episode{episode}",
        interval=1.0 / dataset.info.fps,
        instruction=recorded.instruction,
        oracle=None if labels is None else labels.progress,
        max_frames=max_frames,
    )
