"""Models that understand nothing, and say so."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards import RewardModel, Task
from kibble.rewards.baselines import BASELINES, PixelGoal, RandomProgress, TimeCounter
from kibble.rewards.catalogue import known_models, open_model
from kibble.rewards.causal import read_causally
from kibble.rewards.errors import FrameError, WeightsError

TASK = Task(instruction="push the red cube")


def flat(values, views=("front",), side=8):
    frames = np.empty((len(values), side, side, 3), np.uint8)
    frames[:] = np.asarray(values, np.uint8)[:, None, None, None]
    return {view: frames.copy() for view in views}


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_reward_models_by_name(name):
    model = open_model(name)
    assert isinstance(model, RewardModel)
    assert model.spec.name == name
    assert name in known_models()


def test_time_counts_whatever_is_seen():
    noise = {"front": np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)}
    (read,) = read_causally(TimeCounter(horizon=4), [(TASK, noise)])
    np.testing.assert_allclose(read.progress, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_pixels_approach_the_goal():
    task = Task(instruction="brighten", goal_frames=flat([200]))
    (read,) = read_causally(PixelGoal(), [(task, flat([100, 150, 200, 175, 50]))])
    np.testing.assert_allclose(read.progress, [0.0, 0.5, 1.0, 0.75, 0.0], atol=1e-6)


def test_an_episode_that_starts_at_the_goal_is_there():
    task = Task(instruction="brighten", goal_frames=flat([200]))
    (read,) = read_causally(PixelGoal(), [(task, flat([200, 201]))])
    assert read.progress.tolist() == [1.0, 0.0]


def test_pixels_need_a_goal_in_a_shared_view():
    with pytest.raises(FrameError, match="`pixel_goal` needs frames of the finished task"):
        PixelGoal().begin(TASK, flat([0]))
    task = Task(instruction="brighten", goal_frames=flat([9], views=("wrist",)))
    with pytest.raises(FrameError, match=r"Goal frames must share a view .* \['wrist'\]"):
        PixelGoal().begin(task, flat([0]))
    assert PixelGoal().spec.needs_goal


def test_draws_depend_on_episode_and_step_alone():
    videos = [(TASK, flat([1, 2, 3])), (TASK, flat([5, 2, 3])), (Task(instruction="x"), flat([1]))]
    together = read_causally(RandomProgress(), videos)
    alone = [read_causally(RandomProgress(), [one])[0] for one in videos]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a.progress, b.progress)
    assert len({float(read.progress[0]) for read in together}) == 3
    again = read_causally(RandomProgress(seed=1), videos[:1])[0]
    assert again.progress[0] != together[0].progress[0]


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(WeightsError, match=r"got 'time_countr'; did you mean time_counter"):
        open_model("time_countr")
    with pytest.raises(WeightsError, match=r"known: grm_tiny, .*random"):
        open_model("zzz/yyy/xxx")


def test_shipped_weights_open_by_name():
    assert open_model("grm_tiny").spec.views == ("front", "wrist")
