"""A user's own dataset."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.demonstrations.small_dataset import FPS, TASKS, write_small_dataset

from kibble.agents.benchmark.recorded import recorded_trials
from kibble.agents.demonstrations.lerobot.features import Feature
from kibble.rewards.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    write_small_dataset(tmp_path / "data")
    return tmp_path / "data"


def test_episodes_become_trials_without_what_nobody_knows(folder):
    counted: list[tuple[int, int]] = []
    trials = recorded_trials(folder, size=(8, 8), on_progress=lambda *now: counted.append(now))
    assert counted == [(1, 3), (2, 3), (3, 3)]
    assert [trial.steps for trial in trials] == [5, 3, 4]
    assert {trial.frame_rate for trial in trials} == {float(FPS)}
    assert {trial.task for trial in trials} <= set(TASKS)
    for trial in trials:
        assert (trial.progress, trial.success, trial.outcome) == (None, None, None)
        assert trial.is_success
        assert {view: array.shape for view, array in trial.load().items()} == {
            "left": (trial.steps, 8, 8, 3),
            "right": (trial.steps, 8, 8, 3),
        }
        assert trial.state.shape == (trial.steps, 2)


def test_goal_frames_are_those_of_another_episode_with_the_instruction(folder):
    trials = recorded_trials(folder, size=(16, 24))
    for trial in trials:
        others = [t for t in trials if t.task == trial.task and t is not trial]
        (goal,) = trial.goal_frames
        if not others:
            assert goal is None
        else:
            lasts = [other.load()["left"][-1] for other in others]
            assert any(np.array_equal(goal["left"][0], last) for last in lasts)


def test_views_are_chosen_and_renamed_and_episodes_limited(folder):
    (trial,) = recorded_trials(folder, size=(8, 8), episodes=1, views={"front": "right"})
    assert set(trial.load()) == {"front"}


def test_outcomes_that_the_dataset_tells_are_known(tmp_path):
    def outcome(episode, rows):
        return {"next.success": np.arange(rows) == (rows - 1 if episode != 1 else rows)}

    write_small_dataset(
        tmp_path / "data",
        features={"next.success": Feature(dtype="bool", shape=(1,))},
        extra=outcome,
    )
    trials = recorded_trials(tmp_path / "data", size=(8, 8))
    assert [trial.outcome for trial in trials] == [True, False, True]
    assert [trial.is_success for trial in trials] == [True, False, True]


def test_a_view_that_is_not_there_is_named(folder):
    with pytest.raises(ConfigError, match="top"):
        recorded_trials(folder, size=(8, 8), views=["top"])
