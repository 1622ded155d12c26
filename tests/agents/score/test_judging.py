"""What each model is asked to read of one recording."""

from __future__ import annotations

import numpy as np
from tests.agents.score.recordings import bar_footage
from tests.reward_models import CentroidModel
from tests.rewards.adapters.seeing_backend import SeeingBackend

from kibble.agents.score.judging import asked_of
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.topreward import Options, TOPReward


def test_models_with_a_rate_of_their_own_are_told_the_recordings() -> None:
    video, plain = GenerativeReward(TOPReward(Options()), SeeingBackend()), CentroidModel()
    models = {"topreward": video, "centroid": plain}
    first, second = asked_of(models, bar_footage(), by_view=False)  # 10 frames per second
    told = GenerativeReward(TOPReward(Options(frame_rate=10.0)), SeeingBackend())
    assert first.model.spec.version == told.spec.version
    assert second.model is plain


def test_a_single_frame_has_no_rate() -> None:
    video = GenerativeReward(TOPReward(Options()), SeeingBackend())
    footage = bar_footage(1, oracle=None)
    (asked,) = asked_of({"topreward": video}, footage, by_view=False)
    assert footage.frame_rate is None
    assert asked.model is video


def test_frame_rates_do_not_depend_on_when_a_recording_begins() -> None:
    footage = bar_footage(times=5.0 + np.arange(21) * 0.25)
    assert footage.frame_rate == 4.0
