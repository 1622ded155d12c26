"""The keypoint reward behind a service answers as it does in process, its memory being plain."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.dots import DotDetector, DotProposer, frames
from tests.rewards.keypoints.scripted import PUSH, pushed
from tests.rewards.service.serving import running

from kibble.rewards.adapters.keypoints import CARD
from kibble.rewards.catalogue import open_model
from kibble.rewards.keypoints.opening import open_keypoints
from kibble.rewards.keypoints.options import KeypointOptions
from kibble.rewards.types import Task

TASK = Task(instruction="push it")
VIEWS = ("front", "front_depth", "side")


def model():
    options = KeypointOptions(tracker="redetection", views=VIEWS, lifting="depth")
    return open_keypoints(CARD, options, DotProposer(PUSH), detector=DotDetector())


def read(reward, shown):
    episode = reward.begin(TASK, shown[0])
    return np.array([reward.estimate([episode], each).progress[0] for each in shown[1:]])


@pytest.mark.parametrize("wire", ["raw", "png"])
def test_progress_by_way_of_the_wire_is_the_same(wire):
    rows = pushed()[::4] + np.array([0.06, -0.04, 0.0])
    shown = [frames(row, ["front", "side"], depth=True) for row in rows]
    expected = read(model(), shown)
    with running({"keypoints": model()}) as url:
        distant = open_model(f"remote@{url}/keypoints?format={wire}")
        assert distant.spec.views == VIEWS
        np.testing.assert_array_equal(read(distant, shown), expected)
    assert np.ptp(expected) > 0.1


def test_depth_travels_exactly_beside_lossy_pictures():
    row = pushed()[0] + np.array([0.06, -0.04, 0.0])
    shown = frames(row, ["front", "side"], depth=True)
    seen = []

    class Watching:
        """Keeps the depth frames that come."""

        def __init__(self):
            self.inner = model()

        @property
        def spec(self):
            return self.inner.spec

        def begin(self, task, start_frames):
            seen.append(start_frames)
            return self.inner.begin(task, start_frames)

        def estimate(self, episodes, newest):
            seen.append(newest)
            return self.inner.estimate(episodes, newest)

    with running({"keypoints": Watching()}) as url:
        distant = open_model(f"remote@{url}/keypoints?format=jpeg")
        episode = distant.begin(TASK, shown)
        distant.estimate([episode], shown)
    for frames_seen in seen[-2:]:  # before them the service warmed up
        np.testing.assert_array_equal(frames_seen["front_depth"], shown["front_depth"])
        assert (frames_seen["front"] != shown["front"]).any()
