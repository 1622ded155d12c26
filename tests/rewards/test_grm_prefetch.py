"""Frames that are encoded ahead are read as they would have been."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.tiny_grm import noise_frames, shaken_network

from kibble.rewards import Task
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.prefetch import Prefetching

TASK = Task(instruction="push the red cube to the middle")


def make() -> GeneralRewardModel:
    return GeneralRewardModel(shaken_network(), name="tiny", version="1", reading="mean")


def readings(model: GeneralRewardModel, frames: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Two episodes side by side over eight frames each."""
    episodes = [
        model.begin(TASK, {view: images[i : i + 1] for view, images in frames.items()})
        for i in (0, 8)
    ]
    found = [np.array([episode.progress for episode in episodes])]
    for t in range(1, 8):
        both = {view: images[[t, 8 + t]] for view, images in frames.items()}
        estimate = model.estimate(episodes, both)
        found += [estimate.progress, estimate.success, estimate.confidence]
    return found


def test_reading_ahead_changes_no_bit_and_encodes_nothing_twice():
    frames = noise_frames(16)
    for images in frames.values():
        images[5] = images[12] = images[3]  # seen before
    ahead = make()
    assert isinstance(ahead, Prefetching)
    runs: list[int] = []
    encode = ahead.network.encode
    ahead.network.encode = lambda *a: (runs.append(len(a[0])), encode(*a))[1]
    ahead.prefetch(frames)
    assert runs == [2 * 14]
    found = readings(ahead, frames)
    assert np.ptp(np.array(found[1::3])) > 0.05
    assert runs == [2 * 14]
    for got, expected in zip(found, readings(make(), frames), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_what_was_not_read_ahead_is_read_when_asked():
    model, plain = make(), make()
    model.prefetch(noise_frames(4, seed=1))
    for got, expected in zip(
        readings(model, noise_frames(16)), readings(plain, noise_frames(16)), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_a_missing_view_is_as_good_ahead_as_later():
    frames = noise_frames(16, views=("front",))
    model = make()
    model.prefetch(frames)
    for got, expected in zip(readings(model, frames), readings(make(), frames), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_larger_frames_are_known_again_when_they_were_resized():
    rng = np.random.default_rng(0)
    large = {"front": rng.integers(0, 256, (3, 48, 40, 3), dtype=np.uint8)}
    model = make()
    model.prefetch(large)
    assert dataclasses.astuple(model.spec)[4] == (32, 32)
    episode = model.begin(TASK, {"front": large["front"][:1]})
    assert episode.progress == make().begin(TASK, {"front": large["front"][:1]}).progress
