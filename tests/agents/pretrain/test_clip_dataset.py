"""Clips as LeRobot datasets: nothing is lost, and what is half there is not taken for data."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.pretrain.clip_reading import read_clip_datasets
from kibble.agents.pretrain.recording import clip_dataset, make_env, record_clip
from kibble.rewards.errors import CheckpointError

ARRAYS = ("progress", "success", "stage", "state", "actions")


@pytest.fixture(scope="module")
def clips():
    env = make_env("pick_place")
    rng = np.random.default_rng(0)
    kinds = ("success", "random", "near_miss")
    recorded = [
        record_clip(env, task="pick_place", rng=rng, steps=61, stride=3, kind=kind)
        for kind in kinds
    ]
    env.close()
    return recorded


@pytest.fixture
def written(tmp_path, clips):
    """Two shards of one dataset."""
    dataset = clip_dataset(tmp_path / "pick_place", "pick_place", seed=0, steps=61, stride=3)
    dataset.write(1, clips[2:], first_episode=2)  # in any order
    dataset.write(0, clips[:2], first_episode=0)
    dataset.finish()
    return tmp_path


def read(directory, **arguments):
    return read_clip_datasets(directory, tasks=["pick_place"], **arguments)


def test_nothing_is_lost(written, clips):
    for back, clip in zip(read(written), clips, strict=True):
        assert (back.task, back.kind, back.goal) == (clip.task, clip.kind, clip.goal)
        assert back.phrasings == clip.phrasings
        assert set(back.frames) == set(clip.frames)
        for view, frames in clip.frames.items():
            np.testing.assert_array_equal(back.frames[view], frames)
        for name in ARRAYS:
            mine, theirs = getattr(back, name), getattr(clip, name)
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)


def test_others_read_it_as_demonstrations(written, clips):
    episodes = Demonstrations(written / "pick_place")
    assert len(episodes) == 3
    for episode, clip in zip(episodes, clips, strict=True):
        assert episode.instruction == clip.phrasings[clip.goal][0]
        assert episode.fps == pytest.approx(10 / 3)
        assert episode.success == episode.outcome == bool(clip.success[-1, clip.goal])
        assert not episode.terminated
        np.testing.assert_array_equal(episode.frames["front"], clip.frames["front"])
        np.testing.assert_array_equal(episode.labels.progress, clip.progress[:, clip.goal])
        np.testing.assert_array_equal(episode.labels.stage, clip.stage[:, clip.goal])
        np.testing.assert_array_equal(episode.actions, clip.actions[:-1])


def test_pictures_are_decoded_once_and_again_if_the_file_changed(written):
    seen: list[tuple[int, int]] = []

    def show(finished: int, total: int) -> None:
        seen.append((finished, total))

    read(written, on_progress=show)
    assert seen == [(1, 2), (2, 2)]
    again = read(written, on_progress=show)
    assert len(seen) == 2
    assert isinstance(again[0].frames["front"].base, np.memmap)
    decoded = written / "pick_place" / ".decoded"
    before = {path.name for path in decoded.iterdir()}
    path = written / "pick_place/data/chunk-000/file-001.parquet"
    os.utime(path, ns=(1, 1))
    read(written, on_progress=show)
    assert seen[2:] == [(1, 1)]
    assert len({path.name for path in decoded.iterdir()} & before) == 1
    assert len(list(decoded.iterdir())) == 2


@pytest.mark.slow
def test_processes_decode_the_same(written):
    alone = read(written)
    for path in (written / "pick_place/data/chunk-000").iterdir():
        os.utime(path, ns=(1, 1))
    for one, other in zip(read(written, workers=2), alone, strict=True):
        np.testing.assert_array_equal(one.frames["wrist"], other.frames["wrist"])


def test_a_shard_is_there_with_its_note_alone(written, clips):
    dataset = clip_dataset(written / "pick_place", "pick_place", seed=0, steps=61, stride=3)
    assert dataset.has(0, clips=2)
    assert not dataset.has(0, clips=3)
    assert not dataset.has(2, clips=1)
    note = written / "pick_place/meta/kibble/chunk-000/file-001.json"
    note.unlink()
    assert not dataset.has(1, clips=1)
    with pytest.raises(CheckpointError, match="must have a note in meta/kibble"):
        read(written)


def test_half_written_datasets_are_named(written):
    folder = written / "pick_place"
    info = folder / "meta/info.json"
    tree = json.loads(info.read_text())
    info.write_text(json.dumps({**tree, "total_episodes": 2}))
    with pytest.raises(CheckpointError, match=r"is half-written: .* speaks of 2 clips"):
        read(written)
    info.unlink()
    with pytest.raises(CheckpointError, match="holds a half-written dataset"):
        read(written)
    with pytest.raises(CheckpointError, match="does not exist"):
        read(written / "elsewhere")


def test_damaged_files_are_named(written):
    folder = written / "pick_place"
    data = folder / "data/chunk-000/file-001.parquet"
    data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"file-001\.parquet' must be a Parquet file"):
        read(written)
    data.unlink()
    with pytest.raises(CheckpointError, match="must hold clips, but does not exist"):
        read(written)
    (folder / "meta/kibble/chunk-000/file-000.json").write_text("{}")
    with pytest.raises(CheckpointError, match="`origin`, `features` or `clips` is missing"):
        read(written)


def test_clips_of_other_settings_are_not_mixed_in(written):
    other = clip_dataset(written / "pick_place", "pick_place", seed=1, steps=61, stride=3)
    with pytest.raises(CheckpointError, match="choose another directory, or the same settings"):
        other.has(0, clips=2)
