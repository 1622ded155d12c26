"""Videos: several episodes in one file, each read back by its times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kibble.agents.demonstrations.lerobot.videos import read_video_span, write_video
from kibble.rewards.errors import CheckpointError, ConfigError


def greys(first: int, count: int) -> np.ndarray:  # type: ignore[type-arg]
    values = first + 9 * np.arange(count)
    return np.broadcast_to(values[:, None, None, None], (count, 16, 18, 3)).astype(np.uint8)


@pytest.mark.parametrize("fps", [30.0, 10.0, 12.5])
def test_each_episode_comes_back_by_its_times(tmp_path: Path, fps: float) -> None:
    episodes = [greys(10, 7), greys(120, 1), greys(80, 12)]
    path = tmp_path / "videos" / "file.mp4"
    spans = write_video(path, iter(episodes), fps=fps)
    assert np.array(spans) * fps == pytest.approx(np.array([(0, 7), (7, 8), (8, 20)]))
    for (start, _), frames in zip(spans, episodes, strict=True):
        times = start + np.arange(len(frames)) / fps
        shown = read_video_span(path, times, tolerance=0.5 / fps)
        assert shown.shape == frames.shape
        assert np.abs(shown.astype(int) - frames).max() <= 2
    with pytest.raises(CheckpointError, match=r"but 2 of 3 frames of the episode are missing"):
        read_video_span(path, (19 + np.arange(3)) / fps, tolerance=0.5 / fps)


def test_odd_sides_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"even sides, got 15 x 18 pixels; .* video=false"):
        write_video(tmp_path / "file.mp4", [greys(0, 2)[:, :15]], fps=10.0)
    assert not list(tmp_path.iterdir())
