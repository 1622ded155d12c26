"""Clips from the simulator."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from kibble.agents.pretrain import recording
from kibble.agents.pretrain.config import TASKS
from kibble.agents.pretrain.recording import record, record_clip, task_id
from kibble.rewards.errors import WeightsError
from kibble.rewards.grm.clips import read_clips


@pytest.fixture
def reach():
    env = gym.make(task_id("reach"), image_size=(32, 32)).unwrapped
    yield env
    env.close()


def clip(env, seed=0, **changes):
    arguments = {"steps": 20, "stride": 2, "kind": "success", **changes}
    return record_clip(env, task="reach", rng=np.random.default_rng(seed), **arguments)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_an_id(task):
    assert task_id(task) in gym.registry


def test_a_clip_is_labelled_for_every_goal(reach):
    recorded = clip(reach)
    goals = len(reach.goals)
    assert len(recorded) == 11
    assert recorded.progress.shape == recorded.success.shape == (11, goals)
    assert recorded.frames["wrist"].shape == (11, 32, 32, 3)
    assert recorded.state.shape == (11, *reach.observation_space.shape)
    assert len(recorded.phrasings) == goals
    last = [reach.oracle(goal).progress for goal in reach.goals]
    np.testing.assert_allclose(recorded.progress[-1], last, rtol=1e-6)
    np.testing.assert_array_equal(recorded.frames["front"][-1], reach.frames()["front"][0])


def test_an_expert_gets_there_and_recording_goes_on(reach):
    recorded = clip(reach, steps=60)
    done = np.flatnonzero(recorded.success[:, recorded.goal])
    assert len(done)
    assert done[0] < len(recorded) - 5


def test_the_same_seed_gives_the_same_clip(reach):
    first, same, other = clip(reach), clip(reach), clip(reach, seed=1)
    np.testing.assert_array_equal(first.frames["front"], same.frames["front"])
    np.testing.assert_array_equal(first.progress, same.progress)
    assert not np.array_equal(first.frames["front"], other.frames["front"])


@pytest.mark.slow
def test_shards_are_recorded_by_processes_and_kept(tmp_path):
    seen: list[tuple[int, int]] = []
    settings = {"episodes_per_task": 2, "seed": 0, "steps": 4, "stride": 2, "workers": 2}
    record(
        tmp_path,
        tasks=["reach", "push"],
        on_progress=lambda finished, total: seen.append((finished, total)),
        **settings,
    )
    assert seen[-1] == (4, 4)
    assert [recorded.task for recorded in read_clips(tmp_path)] == ["push"] * 2 + ["reach"] * 2
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    record(tmp_path, tasks=["reach", "push"], **settings)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == stamps


@pytest.mark.slow
def test_a_half_written_shard_is_recorded_again(tmp_path):
    settings = {
        "tasks": ["reach"],
        "episodes_per_task": 2,
        "seed": 0,
        "steps": 4,
        "stride": 2,
        "workers": 1,
    }
    record(tmp_path / "whole", **settings)
    shard = next(path.parent for path in (tmp_path / "whole").glob("*/clips.json")).name
    broken, part = tmp_path / "broken" / shard, tmp_path / "broken" / f"{shard}.part"
    for half in (broken, part):
        half.mkdir(parents=True)
        (half / "front.npy").write_bytes(b"half")
    (part / "clips.json").write_text("{")
    with pytest.raises(WeightsError, match="got no shard"):
        read_clips(tmp_path / "broken")
    record(tmp_path / "broken", **settings)
    pairs = zip(read_clips(tmp_path / "broken"), read_clips(tmp_path / "whole"), strict=True)
    for again, first in pairs:
        np.testing.assert_array_equal(again.frames["front"], first.frames["front"])
        np.testing.assert_array_equal(again.progress, first.progress)


def test_an_episode_that_breaks_its_promise_is_not_kept(reach, monkeypatch):
    monkeypatch.setattr(recording, "_ATTEMPTS", 2)
    recorded = clip(reach, steps=0, kind="success")  # no success without a step
    assert recorded.kind == "mixed"
    for seed in range(3):
        missed = clip(reach, seed=seed, steps=30, kind="near_miss")
        assert missed.kind == "mixed" or not missed.success[:, missed.goal].any()
