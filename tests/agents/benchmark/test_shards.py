"""Clips that the data engine recorded."""

from __future__ import annotations

import dataclasses

import pytest
from tests.tiny_grm import toy_clips

from kibble.agents.benchmark.config import BenchmarkConfig
from kibble.agents.benchmark.run import run_benchmark
from kibble.agents.benchmark.shards import are_shards, shard_trials
from kibble.rewards.errors import ConfigError
from kibble.rewards.grm.clips import write_clips


@pytest.fixture
def folder(tmp_path):
    clips = toy_clips(5, seed=3, steps=20)
    for kind, some in (("random", clips[:3]), ("mixed", clips[3:])):
        of_kind = [dataclasses.replace(clip, task="reach", kind=kind) for clip in some]
        write_clips(tmp_path / "data" / "default" / "reach" / kind, of_kind)
    return tmp_path / "data"


def test_shards_become_trials_kind_by_kind(folder):
    assert are_shards(folder)
    assert not are_shards(folder / "default")
    trials = shard_trials(folder, tasks=["reach"], appearance="default")
    assert [trial.kind for trial in trials] == ["mixed"] * 2 + ["random"] * 3
    assert len({trial.name for trial in trials}) == 5
    some = shard_trials(folder, tasks=["reach"], appearance="default", episodes=1, views=["front"])
    assert [trial.name for trial in some] == ["reach-mixed-0", "reach-random-0"]
    assert set(some[0].load()) == {"front"}


def test_a_clips_own_end_is_never_its_goal_frame(folder):
    for trial in shard_trials(folder, tasks=["reach"], appearance="default"):
        assert trial.goal_frames == (None, None)


def test_a_task_that_was_not_recorded_is_named(folder):
    with pytest.raises(ConfigError, match="got 'push'; there are reach"):
        shard_trials(folder, tasks=["push"], appearance="default")
    with pytest.raises(ConfigError, match="got 'reach'; there are none"):
        shard_trials(folder, tasks=["reach"], appearance="heldout")


@pytest.mark.slow
def test_the_command_reads_them_and_records_nothing(folder, tmp_path):
    before = sorted(folder.rglob("*"))
    measured = run_benchmark(
        BenchmarkConfig(
            reward=["random"],
            data=str(folder),
            tasks=["reach"],
            out=str(tmp_path / "out"),
            resamples=5,
            quiet=True,
        )
    )
    assert sorted(folder.rglob("*")) == before
    assert measured["random"]["progress_mae"].n == 5
