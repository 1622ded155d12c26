"""Whole videos, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from tests.reward_models import CentroidModel, SmoothedModel

from kibble.rewards import Task
from kibble.rewards.causal import read_causally
from kibble.rewards.errors import FrameError

TASK = Task(instruction="move the light to the right")


def video(steps, seed=0, views=("front",), size=(8, 32)):
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (steps, *size, 3), dtype=np.uint8) for view in views}


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_lockstep_equals_one_at_a_time(batch):
    videos = [(TASK, video(steps, seed=steps)) for steps in (5, 1, 9, 3)]
    together = read_causally(SmoothedModel(), videos, batch=batch)
    for (task, frames), estimate in zip(videos, together, strict=True):
        model = SmoothedModel()
        episode = model.begin(task, {"front": frames["front"][:1]})
        alone = [
            model.estimate([episode], {"front": frames["front"][t : t + 1]}).progress[0]
            for t in range(len(frames["front"]))
        ]
        np.testing.assert_array_equal(estimate.progress, np.array(alone, np.float32))


def test_batches_hold_at_most_batch_frames_and_all_are_counted():
    model, counted = CentroidModel(), []
    videos = [(TASK, video(4, seed=i)) for i in range(5)]
    read_causally(model, videos, batch=2, on_frame=counted.append)
    assert max(len(frames["front"]) for frames in model.batches) == 2
    assert sum(counted) == 20


def test_instructions_on_one_video_see_equal_batches():
    model = CentroidModel()
    frames = video(3)
    other = Task(instruction="move the light to the left")
    first, second = read_causally(model, [(TASK, frames), (other, frames)])
    np.testing.assert_array_equal(first.progress, second.progress)
    shown = [batch["front"] for batch in model.batches]
    assert len(shown) == 6
    for now, again in zip(shown[::2], shown[1::2], strict=True):
        np.testing.assert_array_equal(now, again)


def test_unknown_views_are_left_out_and_sizes_may_differ():
    model = CentroidModel()
    frames = [video(2, views=("front", "side")), video(2, size=(4, 16))]
    read_causally(model, [(TASK, one) for one in frames])
    assert all(set(batch) == {"front"} for batch in model.batches)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (video(3, views=("side",)), r"must have a view that 'centroid' knows, one of front"),
        (video(0), "A video must have frames, got none"),
    ],
)
def test_videos_that_cannot_be_read(frames, message):
    with pytest.raises(FrameError, match=message):
        read_causally(CentroidModel(), [(TASK, frames)])


def test_no_videos_give_nothing():
    assert read_causally(CentroidModel(), []) == []


def test_the_batch_must_be_positive():
    with pytest.raises(ValueError, match="`batch` must be 1 or more, got 0"):
        read_causally(CentroidModel(), [], batch=0)
