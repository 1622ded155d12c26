"""Models that read whole episodes: where they are read, and where they are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.reward_models import CentroidModel

from kibble.rewards import Estimate, Status, Task
from kibble.rewards.causal import read_causally
from kibble.rewards.combination import CombinedModel
from kibble.rewards.episode_reader import EpisodeReader
from kibble.rewards.errors import ConfigError, FrameError, ModelError
from kibble.rewards.potential import Potential
from kibble.rewards.whole_episode import WholeEpisode, read_videos, require_causal

TASK = Task(instruction="move the light to the right")


class RelativeBrightness:
    """Progress is brightness between the episode's darkest and brightest frame."""

    def __init__(self):
        self.spec = replace(CentroidModel().spec, name="relative", causal=False)

    def begin(self, task, start_frames):
        require_causal(self.spec)

    def estimate(self, episodes, frames):
        require_causal(self.spec)

    def read_episode(self, task, frames):
        light = frames["front"].mean(axis=(1, 2, 3))
        progress = ((light - light.min()) / np.ptp(light)).astype(np.float32)
        return Estimate(
            progress=progress,
            success=progress,
            confidence=np.ones_like(progress),
            status=np.full(len(light), Status.OK, np.int8),
        )


def video(levels, views=("front",)):
    levels = np.asarray(levels, np.uint8)[:, None, None, None]
    return {view: np.broadcast_to(levels, (len(levels), 8, 32, 3)).copy() for view in views}


def test_a_whole_episode_is_read_with_its_end_known():
    model, counted = RelativeBrightness(), []
    assert isinstance(model, WholeEpisode)
    videos = [(TASK, video([10, 20, 30], views=("front", "side"))), (TASK, video([0, 200]))]
    first, second = read_videos(model, videos, on_frame=counted.append)
    np.testing.assert_array_equal(first.progress, np.float32([0, 0.5, 1]))
    np.testing.assert_array_equal(second.progress, np.float32([0, 1]))
    assert counted == [3, 2]


def test_a_causal_model_is_read_as_before():
    rng = np.random.default_rng(0)
    videos = [(TASK, {"front": rng.integers(0, 256, (4, 8, 32, 3), dtype=np.uint8)})]
    read, causally = read_videos(CentroidModel(), videos), read_causally(CentroidModel(), videos)
    np.testing.assert_array_equal(read[0].progress, causally[0].progress)


@pytest.mark.parametrize("frames", [{"side": video([1])["front"]}, video([])])
def test_views_and_frames_are_checked(frames):
    with pytest.raises(FrameError):
        read_videos(RelativeBrightness(), [(TASK, frames)])


def test_a_wrong_number_of_values_is_the_models_fault():
    class Short(RelativeBrightness):
        def read_episode(self, task, frames):
            return super().read_episode(task, {"front": frames["front"][:-1]})

    with pytest.raises(ModelError, match="one value per frame, 3, got 2"):
        read_videos(Short(), [(TASK, video([10, 20, 30]))])


@pytest.mark.parametrize(
    "reads_as_they_come",
    [lambda model: EpisodeReader(model, 1), lambda model: Potential(model, slots=2)],
)
def test_training_serving_and_robots_refuse_it(reads_as_they_come):
    with pytest.raises(ConfigError, match=r"'relative' reads whole episodes.*kibble score"):
        reads_as_they_come(RelativeBrightness())


def test_a_combination_of_such_models_is_refused_wherever_it_goes():
    mixed = CombinedModel([CentroidModel(), RelativeBrightness()])
    with pytest.raises(ConfigError, match="reads whole episodes"):
        Potential(mixed, slots=1)
    with pytest.raises(ModelError, match="a combination takes causal members alone"):
        read_videos(mixed, [(TASK, video([10, 20, 30]))])
