"""Reading everything once, and keeping it."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.agents.benchmark.toy_trials import STEPS, PixelReader, toy_trials
from tests.rewards.adapters.seeing_backend import SeeingBackend, listed

from kibble.agents.benchmark.plan import plan_showings
from kibble.agents.benchmark.readings import (
    frames_of,
    load_readings,
    mark_of_data,
    mark_of_readings,
    read_all,
    save_readings,
)
from kibble.rewards import Estimate, Status
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.gvl import GVL, Options
from kibble.rewards.adapters.topreward import Options as TOPRewardOptions
from kibble.rewards.adapters.topreward import TOPReward


def test_all_that_is_planned_is_read_and_counted():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    counted: list[int] = []
    readings = read_all(PixelReader(), trials, showings, with_goal=False, on_frame=counted.append)
    assert [item.showing for item in readings.items] == showings
    assert sum(counted) == sum(frames_of(trials, showing) for showing in showings)
    for i, trial in enumerate(trials):
        np.testing.assert_allclose(readings.own(i).progress, trial.own_progress, atol=1e-6)


def test_what_needs_goal_frames_is_left_out_where_there_are_none():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    counted: list[int] = []
    readings = read_all(PixelReader(), trials, showings, with_goal=True, on_frame=counted.append)
    assert readings.skipped == sum(showing.asked[1] == 1 for showing in showings)
    assert len(readings.items) + readings.skipped == len(showings)
    assert sum(counted) == sum(frames_of(trials, showing) for showing in showings)


def test_a_model_that_reads_whole_episodes_is_shown_each_video_at_once():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    model, counted = GVL(Options(frames=5), SeeingBackend(speak=listed)), []
    readings = read_all(model, trials, showings, with_goal=False, on_frame=counted.append)
    assert sum(counted) == sum(frames_of(trials, showing) for showing in showings)
    assert len(model.backend.asked) == len(showings)
    for item in readings.items:
        assert item.answered.all()
        assert len(item.progress) == frames_of(trials, item.showing)


def test_models_with_a_rate_of_their_own_are_told_that_of_each_trial():
    trials = [
        dataclasses.replace(trial, frame_rate=rate)
        for trial, rate in zip(toy_trials(), (None, 4.0, 8.0), strict=False)
    ]
    own = [s for s in plan_showings(trials, seed=0) if s.purpose == "own"]
    backend = SeeingBackend()
    model = GenerativeReward(TOPReward(TOPRewardOptions(size=0)), backend)
    readings = read_all(model, trials, own, with_goal=False)
    clips = [question.prompt.turns[0].parts[0].frames for question in backend.asked]
    longest = {clip[0].key: len(clip) for clip in sorted(clips, key=len)}
    # 2 frames per second, from the first on; without a rate all of them
    assert sorted(longest.values()) == [-(-STEPS // 4), -(-STEPS // 2), STEPS]
    assert len(readings.items) == len(own) == 3


def test_readings_are_kept_and_known_again(tmp_path):
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    readings = read_all(PixelReader(), trials, showings, with_goal=True)
    path = tmp_path / "deep" / "pixel.npz"
    assert load_readings(path, showings, "mark") is None
    save_readings(path, readings, showings, "mark")
    again = load_readings(path, showings, "mark")
    assert again.skipped == readings.skipped
    for first, second in zip(readings.items, again.items, strict=True):
        assert first.showing == second.showing
        np.testing.assert_array_equal(first.progress, second.progress)
        np.testing.assert_array_equal(first.answered, second.answered)
    assert load_readings(path, showings, "another mark") is None
    path.write_bytes(path.read_bytes()[:100])
    assert load_readings(path, showings, "mark") is None


def test_the_mark_knows_model_data_and_plan():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)

    def mark(model=None, trials=trials, showings=showings, with_goal=False):
        data = mark_of_data(trials, showings)
        return mark_of_readings(model or PixelReader(), data, with_goal=with_goal)

    brighter = dataclasses.replace(
        trials[0], load=lambda: {"front": trials[0].load()["front"] + 1}
    )
    assert mark() == mark()
    others = {
        mark(PixelReader(version="1")),
        mark(trials=[brighter, *trials[1:]]),
        mark(showings=plan_showings(trials, seed=1)),
        mark(with_goal=True),
    }
    assert len(others | {mark()}) == 5


class Faltering(PixelReader):
    """Answers no frame of odd red value."""

    def estimate(self, episodes, frames):
        whole = super().estimate(episodes, frames)
        odd = frames["front"][:, 0, 0, 0] % 2 == 1
        status = np.where(odd, Status.TIMEOUT, Status.OK).astype(np.int8)
        progress = np.where(odd, np.float32(np.nan), whole.progress)
        return Estimate(
            progress=progress, success=whole.success, confidence=whole.confidence, status=status
        )


def test_what_is_not_answered_holds_the_value_before():
    trials = toy_trials(1)[:1]
    readings = read_all(Faltering(), trials, plan_showings(trials, seed=0), with_goal=False)
    own, oracle = readings.own(0), trials[0].own_progress
    assert 0 < own.answered.sum() < STEPS
    expected = 0.0
    for t in range(STEPS):
        expected = oracle[t] if own.answered[t] else expected
        assert abs(own.progress[t] - expected) < 1e-6
