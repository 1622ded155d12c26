"""Whatever a user points at becomes footage, or is refused with a reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.agents.footage.clips import plain, write_clip
from tests.agents.small_runs import small_run, small_sac

from kibble.agents.config import RewardConfig, TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.recorder import record_demonstrations
from kibble.agents.footage.footage import Footage
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.agents.train import run_training
from kibble.rewards.errors import CheckpointError, ConfigError, FrameError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "reach"
    record_demonstrations(DemosConfig(task=REACH, episodes=2, out=str(folder)))
    return folder


def _folder(path: Path, count: int = 4) -> Path:
    path.mkdir(parents=True)
    for number, frame in enumerate(plain(count)):
        Image.fromarray(frame).save(path / f"{number}.png")
    return path


def test_a_video(tmp_path: Path) -> None:
    footage = read_footage(str(write_clip(tmp_path / "push.mp4", plain())))
    assert (footage.name, footage.views, len(footage)) == ("push", ("front",), 12)
    assert footage.instruction is None
    assert footage.oracle is None
    assert footage.warnings == ()


def test_several_videos_are_views(tmp_path: Path) -> None:
    front = str(write_clip(tmp_path / "a.mp4", plain()))
    wrist = str(write_clip(tmp_path / "b.mp4", plain(size=(32, 32))))
    listed = read_footage([front, wrist], views=["front", "wrist"])
    mapped = read_footage({"front": front, "wrist": wrist})
    for footage in (listed, mapped):
        assert footage.views == ("front", "wrist")
        assert footage.frames["wrist"].shape == (12, 32, 32, 3)


def test_views_of_different_lengths_are_refused(tmp_path: Path) -> None:
    front = str(write_clip(tmp_path / "a.mp4", plain(12)))
    wrist = str(write_clip(tmp_path / "b.mp4", plain(9)))
    with pytest.raises(FrameError, match="equally many frames, got front 12, wrist 9; cut them"):
        read_footage({"front": front, "wrist": wrist})


def test_views_at_different_times_are_said(tmp_path: Path) -> None:
    front = str(write_clip(tmp_path / "a.mp4", plain(5)))
    slow = [0.0, 0.1, 0.2, 0.3, 0.4]
    wrist = str(write_clip(tmp_path / "b.mp4", plain(5), times=slow))
    footage = read_footage({"front": front, "wrist": wrist})
    assert [text for text in footage.warnings if "up to 0.2 s apart" in text]


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    footage = read_footage(str(_folder(tmp_path / "push")), sampling=Sampling(fps=4))
    assert (footage.name, footage.views) == ("push", ("front",))
    np.testing.assert_allclose(footage.times, [0, 0.25, 0.5, 0.75])


def test_a_folder_of_folders_is_one_view_each(tmp_path: Path) -> None:
    for view in ("wrist", "front"):
        _folder(tmp_path / "push" / view)
    (tmp_path / "push" / "logs").mkdir()
    footage = read_footage(str(tmp_path / "push"))
    assert (footage.name, set(footage.views)) == ("push", {"front", "wrist"})
    renamed = read_footage(str(tmp_path / "push"), views={"front": "wrist"})
    assert renamed.views == ("front",)


def test_an_episode_of_a_dataset(dataset: Path) -> None:
    footage = read_footage(str(dataset), sampling=Sampling(episode=1))
    assert footage.name == "reach-episode1"
    assert footage.views == ("front", "wrist")
    assert footage.instruction
    assert footage.oracle is not None
    assert footage.oracle[-1] > footage.oracle[0]
    np.testing.assert_allclose(np.diff(footage.times), footage.times[1], rtol=1e-6)
    thinned = read_footage(
        str(dataset), sampling=Sampling(episode=1, max_frames=4), views=["front"]
    )
    assert thinned.views == ("front",)
    assert len(thinned) <= 5
    assert thinned.times[-1] == footage.times[-1]
    assert thinned.oracle is not None
    assert thinned.oracle[-1] == footage.oracle[-1]
    assert "frames were kept, evenly spread" in thinned.warnings[0]


def test_what_a_dataset_does_not_have(dataset: Path) -> None:
    with pytest.raises(ConfigError, match=r"`episode` must lie in \[0, 1\], .* got 2"):
        read_footage(str(dataset), sampling=Sampling(episode=2))
    with pytest.raises(ConfigError, match=r"`views` must be among .* got .left."):
        read_footage(str(dataset), views=["left"])


def test_settings_without_effect_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`fps` is for videos and pictures"):
        read_footage(str(dataset), sampling=Sampling(fps=5.0))
    video = str(write_clip(tmp_path / "a.mp4", plain(3)))
    with pytest.raises(ConfigError, match="`episode` is for datasets, runs and bags"):
        read_footage(video, sampling=Sampling(episode=1))


def test_a_run_plays_an_episode(tmp_path: Path) -> None:
    config = small_run(
        tmp_path / "run",
        task=REACH,
        reward=RewardConfig(name="oracle", kind="oracle"),
        agent=small_sac(learning_starts=20),
        steps=40,
    )
    run = run_training(config).path
    footage = read_footage(str(run), sampling=Sampling(episode=3))
    assert footage.name == "run-episode3"
    assert footage.views == ("front", "wrist")
    assert footage.instruction
    assert footage.oracle is not None
    assert footage.times[1] == pytest.approx(0.1)
    again = read_footage(str(run), sampling=Sampling(episode=3))
    np.testing.assert_array_equal(again.oracle, footage.oracle)
    with pytest.raises(ConfigError, match="`episode` must be at least 0 for a run, got -1"):
        read_footage(str(run), sampling=Sampling(episode=-1))


def test_folders_of_nothing_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="a video, a folder of pictures, a ROS 2 bag, a LeR"):
        read_footage(str(tmp_path))


def test_warnings_name_their_view(tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.5]
    front = str(write_clip(tmp_path / "a.mp4", plain(3), times=times))
    wrist = str(write_clip(tmp_path / "b.mp4", plain(3), times=times))
    footage = read_footage({"front": front, "wrist": wrist})
    assert [text.partition(":")[0] for text in footage.warnings] == [
        "View 'front'",
        "View 'wrist'",
    ]


@pytest.mark.parametrize(
    ("times", "oracle", "message"),
    [
        (np.arange(3.0), None, "one time for each"),
        (np.zeros(2), None, "must rise"),
        (np.arange(2.0), np.zeros(3, np.float32), r"`oracle` must have shape \(2,\)"),
    ],
)
def test_footage_that_does_not_fit_together(times, oracle, message: str) -> None:
    frames = {"front": np.zeros((2, 16, 16, 3), np.uint8)}
    with pytest.raises(FrameError, match=message):
        Footage(name="a", frames=frames, times=times, oracle=oracle)


def test_half_a_dataset_is_refused(dataset: Path, tmp_path: Path) -> None:
    for number, part in enumerate(("meta/info.json", "data/chunk-000/file-000.parquet")):
        broken = shutil.copytree(dataset, tmp_path / str(number))
        (broken / part).unlink()
        with pytest.raises(CheckpointError, match=str(broken)):
            read_footage(str(broken))


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    run = run_training(small_run(tmp_path / "run", task=REACH, steps=20)).path
    for state in (run / "checkpoints").iterdir():
        shutil.rmtree(state) if state.is_dir() else state.unlink()
    with pytest.raises(CheckpointError, match="must hold a checkpoint, got none"):
        read_footage(str(run))
