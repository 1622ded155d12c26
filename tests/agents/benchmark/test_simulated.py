"""Held-out clips, recorded on first use."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from kibble.agents.benchmark.simulated import record_trials, simulated_trials

SETTINGS = {
    "tasks": ["reach"],
    "appearance": "default",
    "seed": 0,
    "kinds": ("success", "near_miss"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("clips")
    record_trials(target, episodes=2, steps=30, **SETTINGS)
    return target


@pytest.mark.slow
def test_clips_become_trials_with_goal_frames(folder):
    trials = simulated_trials(folder, episodes=2, **SETTINGS)
    assert [trial.name for trial in trials] == [
        *("reach-success-0", "reach-success-1", "reach-near_miss-0", "reach-near_miss-1")
    ]
    assert {trial.frame_rate for trial in trials} == {10.0}
    for trial in trials[:2]:
        assert trial.is_success
        frames = trial.load()
        assert frames["front"].shape == frames["wrist"].shape == (31, 96, 96, 3)
        goal = trial.goal_frames[trial.goal]
        assert goal["front"].shape == (1, 96, 96, 3)
        away = [np.abs(frames["front"][t].astype(int) - goal["front"][0]).mean() for t in (0, -1)]
        assert away[1] < away[0]  # it ends where the goal frames are
        assert len(trial.sentences[0]) == 6  # the phrasing that training lacks is there
    for trial in trials[2:]:
        assert trial.outcome is False
        assert outcome_is_near(trial)


def outcome_is_near(trial):
    return float(trial.own_progress[-1]) > 0.5


@pytest.mark.slow
def test_fewer_clips_and_views_are_a_part_of_more(folder):
    some = simulated_trials(folder, episodes=1, views=["wrist"], **SETTINGS)
    assert [trial.name for trial in some] == ["reach-success-0", "reach-near_miss-0"]
    assert set(some[0].load()) == set(some[0].goal_frames[some[0].goal]) == {"wrist"}


@pytest.mark.slow
def test_recording_goes_on_where_it_stopped(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (root,) = copy.iterdir()
    shutil.rmtree(root / "reach" / "near_miss-0000")
    kept = root / "reach" / "success-0000" / "front.npy"
    stamp = kept.stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    record_trials(
        copy, episodes=2, steps=30, on_progress=lambda *now: seen.append(now), **SETTINGS
    )
    assert seen == [(2, 4), (4, 4)]
    assert kept.stat().st_mtime_ns == stamp
    first, again = (simulated_trials(at, episodes=2, **SETTINGS) for at in (folder, copy))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.load()["front"], other.load()["front"])
