"""What models are shown."""

from __future__ import annotations

import collections

import numpy as np
from tests.agents.benchmark.toy_trials import STEPS, toy_trials

from kibble.agents.benchmark.plan import plan_showings, showing_task, shown_frames


def by_purpose(showings, purpose):
    return [showing for showing in showings if showing.purpose == purpose]


def test_every_trial_is_read_and_successes_are_probed():
    trials = toy_trials(per_kind=2)
    counts = collections.Counter(s.purpose for s in plan_showings(trials, seed=0))
    assert counts.pop("own") == len(trials)
    assert counts.pop("shuffled") == 16  # four times each
    assert set(counts.values()) == {4}  # two successes of each task, one of each kind of probe
    assert set(counts) == {
        *("phrasing", "other_goal", "other_task", "junk", "empty"),
        *("reversed", "frozen", "blank", "colour"),
    }


def test_the_seed_decides():
    trials = toy_trials()
    assert plan_showings(trials, seed=0) == plan_showings(trials, seed=0)
    assert plan_showings(trials, seed=0) != plan_showings(trials, seed=1)


def test_videos_are_turned_mixed_frozen_and_hidden():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    trial = by_purpose(showings, "own")[0].trial
    frames = trials[trial].load()
    reached = trials[trial].reached
    shown = {
        purpose: shown_frames(frames, by_purpose(showings, purpose)[0])["front"]
        for purpose in ("own", "reversed", "shuffled", "frozen", "blank", "colour")
    }
    assert shown["own"] is frames["front"]
    np.testing.assert_array_equal(shown["reversed"], frames["front"][reached::-1])
    assert len(shown["shuffled"]) == len(shown["frozen"]) == reached + 1
    assert not np.array_equal(shown["shuffled"], frames["front"][: reached + 1])
    assert (shown["frozen"] == frames["front"][reached // 2]).all()
    for purpose in ("blank", "colour"):
        np.testing.assert_array_equal(shown[purpose][0], frames["front"][0])
        assert len(np.unique(shown[purpose][1].reshape(-1, 3), axis=0)) == 1
    assert not shown["blank"][1].any()
    assert len(frames["front"]) == STEPS


def test_instructions_of_other_tasks_and_junk():
    trials = toy_trials()
    showings = plan_showings(trials, seed=0)
    for showing in by_purpose(showings, "other_task"):
        asked = trials[showing.asked[0]]
        assert asked.task != trials[showing.trial].task
        assert showing_task(trials, showing, with_goal=False).instruction.startswith(asked.task)
    (junk, *_) = by_purpose(showings, "junk")
    words = showing_task(trials, junk, with_goal=False).instruction.split()
    assert len(words) == 4
    assert not set("".join(words)) & set("aeiou")
    (empty, *_) = by_purpose(showings, "empty")
    assert not any(c.isalnum() for c in showing_task(trials, empty, with_goal=False).instruction)
