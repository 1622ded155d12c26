"""Clips from the simulator."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from kibble.agents.pretrain import recording
from kibble.agents.pretrain.clip_reading import read_clip_datasets
from kibble.agents.pretrain.config import TASKS
from kibble.agents.pretrain.recording import record, record_clip, task_id
from kibble.rewards.errors import CheckpointError


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
    assert recorded.actions.shape == (11, 2 * 4)
    assert np.abs(recorded.actions[:-1]).max() > 0.0
    assert not recorded.actions[-1].any()
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


SMALL = {"episodes_per_task": 2, "seed": 0, "steps": 4, "stride": 2, "workers": 2}


@pytest.mark.slow
def test_shards_are_recorded_by_processes_and_kept(tmp_path):
    seen: list[tuple[int, int]] = []
    record(
        tmp_path,
        tasks=["reach", "push"],
        on_progress=lambda finished, total: seen.append((finished, total)),
        **SMALL,
    )
    assert seen[-1] == (4, 4)
    clips = read_clip_datasets(tmp_path, tasks=["push", "reach"])
    assert [recorded.task for recorded in clips] == ["push"] * 2 + ["reach"] * 2
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/data/*/*.parquet")}
    record(tmp_path, tasks=["reach", "push"], **SMALL)
    assert len(stamps) == 2
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    with pytest.raises(CheckpointError, match=r"must hold clips of .*'seed': 1"):
        record(tmp_path, tasks=["reach"], **{**SMALL, "seed": 1})


@pytest.mark.slow
def test_what_a_stopped_run_left_is_recorded_again(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    record(whole, tasks=["reach"], **SMALL)
    record(broken, tasks=["reach"], **SMALL)
    for name in ("meta/info.json", "meta/kibble/chunk-000/file-000.json"):  # the last to come
        (broken / "reach" / name).unlink()
    (broken / "reach/data/chunk-000/file-000.parquet").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="holds a half-written dataset"):
        read_clip_datasets(broken, tasks=["reach"])
    record(broken, tasks=["reach"], **SMALL)
    again = read_clip_datasets(broken, tasks=["reach"])
    for clip_again, first in zip(again, read_clip_datasets(whole, tasks=["reach"]), strict=True):
        np.testing.assert_array_equal(clip_again.frames["front"], first.frames["front"])
        np.testing.assert_array_equal(clip_again.progress, first.progress)


def test_an_episode_that_breaks_its_promise_is_not_kept(reach, monkeypatch):
    monkeypatch.setattr(recording, "_ATTEMPTS", 2)
    recorded = clip(reach, steps=0, kind="success")  # no success without a step
    assert recorded.kind == "mixed"
    for seed in range(3):
        missed = clip(reach, seed=seed, steps=30, kind="near_miss")
        assert missed.kind == "mixed" or not missed.success[:, missed.goal].any()
