"""What is known of an episode."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.agents.benchmark.toy_trials import STEPS, toy_trial

from kibble.agents.benchmark.trials import HOLD, trial_task


def test_success_is_reached_and_held():
    trial = toy_trial("lift", "success")
    assert trial.reached == STEPS - 7
    assert trial.finished == STEPS - 7 + HOLD
    assert trial.is_success


def test_success_that_is_lost_at_once_ends_where_it_was_held():
    trial = toy_trial("lift", "regress")
    assert trial.own_success is not None
    assert trial.reached == int(np.flatnonzero(trial.own_success)[0])
    assert trial.finished == int(np.flatnonzero(trial.own_success)[-1])
    assert not trial.is_success


def test_without_success_there_is_no_end():
    trial = toy_trial("lift", "partial")
    assert trial.reached is None
    assert trial.finished is None


def test_where_only_the_outcome_is_known_the_last_frame_counts():
    known = toy_trial("lift", "success", labelled=False, outcome=True)
    failed = toy_trial("lift", "success", labelled=False, outcome=False)
    unknown = toy_trial("lift", "success", labelled=False)
    assert [t.finished for t in (known, failed, unknown)] == [STEPS - 1, None, STEPS - 1]
    assert [t.is_success for t in (known, failed, unknown)] == [True, False, True]


def test_goal_frames_are_given_where_they_are_needed_and_there():
    trials = [toy_trial("lift", "success")]
    assert trial_task(trials, 0, 0).goal_frames is None
    assert trial_task(trials, 0, 0, with_goal=True).goal_frames is not None
    assert trial_task(trials, 0, 1, with_goal=True) is None
    bare = [dataclasses.replace(trials[0], goal_frames=())]
    assert trial_task(bare, 0, 0, with_goal=True) is None
    assert trial_task(trials, 0, 1, phrasing=1).instruction == "please lift the green one"
