"""Frames from any environment that renders, and only when they are due."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from tests.line_env import LineEnv, TwoViewEnv
from tests.reward_models import CentroidModel

from kibble.envs import CaptureFrames, FrameSource, RenderedFrames, frame_source
from kibble.envs.frames import choose_views, model_views, views_for
from kibble.rewards.errors import FrameError


@pytest.mark.parametrize("name", ["CartPole-v1", "MountainCar-v0", "Pendulum-v1"])
def test_classic_control_is_looked_at_through_render(name):
    env = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    source = frame_source(env)
    assert isinstance(source, RenderedFrames)
    assert source.views == ("front",)
    frames = source.frames()
    image = env.render()
    assert isinstance(image, np.ndarray)
    np.testing.assert_array_equal(frames["front"][0], image)
    assert frames["front"].dtype == np.uint8
    assert frames["front"].flags.c_contiguous
    env.close()


def test_an_environment_with_cameras_is_its_own_source():
    env = TimeLimit(TwoViewEnv(), 5)
    env.reset(seed=0)
    source = frame_source(env)
    assert source is env.unwrapped
    assert isinstance(source, FrameSource)
    assert set(source.frames()) == {"front", "wrist"}
    assert set(source.frames(["wrist"])) == {"wrist"}


def test_a_wrapper_names_the_view():
    env = RenderedFrames(LineEnv(), view="overhead")
    env.reset(seed=0)
    assert frame_source(TimeLimit(env, 5)) is env
    assert set(env.frames()) == {"overhead"}


@pytest.mark.parametrize("mode", [None, "human", "rgb_array_list"])
def test_an_environment_that_does_not_render_to_arrays_is_refused(mode):
    with pytest.raises(
        FrameError, match=f"`render_mode` of LineEnv must be 'rgb_array', got {mode!r}"
    ):
        RenderedFrames(LineEnv(render_mode=mode))


def test_a_render_that_is_no_image_is_refused():
    class Blind(LineEnv):
        def render(self) -> np.ndarray:
            return np.zeros((8, 32), np.uint8)

    env = RenderedFrames(Blind())
    env.reset(seed=0)
    with pytest.raises(FrameError, match=r"`render\(\)` of Blind must return an \(H, W, 3\)"):
        env.frames()


def test_a_view_that_is_not_offered_is_refused():
    env = RenderedFrames(LineEnv())
    with pytest.raises(FrameError, match=r"`views` must be among \['front'\], got \['wrist'\]"):
        env.frames(["wrist"])
    with pytest.raises(FrameError, match="`views` must be among"):
        choose_views(env, [])
    with pytest.raises(FrameError, match="`views` must be among"):
        CaptureFrames(LineEnv(), views=["wrist"])


def test_a_models_views_are_chosen_from_those_offered():
    optional = CentroidModel(views=("front", "wrist"), required_views=("front",)).spec
    assert model_views(("side", "front"), optional) == ("front",)
    assert model_views(("wrist", "front"), optional) == ("front", "wrist")
    strict = CentroidModel(views=("front", "wrist"), required_views=("front", "wrist")).spec
    with pytest.raises(FrameError, match=r"requires the views .*views=\['wrist'\]"):
        model_views(("front",), strict)


def test_what_a_model_requires_is_drawn_by_name_and_nothing_else():
    env = gymnasium.make("kibble/Reach-v0", render_mode="rgb_array", views=("front",))
    source = frame_source(env)
    assert "side" in source.further_views
    assert "front" not in source.further_views
    both = CentroidModel(views=("front", "side"), required_views=("front", "side")).spec
    either = CentroidModel(views=("front", "side"), required_views=("front",)).spec
    assert views_for(source, both) == ("front", "side")
    assert views_for(source, either) == ("front",)
    _, info = CaptureFrames(env, views=views_for(source, both)).reset(seed=0)
    assert set(info["frames"]) == {"front", "side"}
    with pytest.raises(FrameError, match="requires the views"):
        views_for(source, CentroidModel(views=("rear",), required_views=("rear",)).spec)
    env.close()


@pytest.mark.parametrize("every", [1, 2, 3, 100])
def test_capture_renders_at_reset_on_due_steps_and_at_the_end_only(every):
    limit = 7
    env = LineEnv(limit=limit)
    captured = CaptureFrames(env, every=every)
    _, info = captured.reset(seed=0)
    assert "frames" in info
    due = []
    for _ in range(limit):
        *_, truncated, info = captured.step(np.int64(0))
        due.append("frames" in info)
    assert truncated
    assert due == [t % every == 0 or t == limit for t in range(1, limit + 1)]
    assert env.renders == 1 + sum(due)


def test_steps_are_counted_from_each_episodes_start():
    captured = CaptureFrames(LineEnv(limit=5), every=2)
    for _ in range(2):
        captured.reset(seed=0)
        due = ["frames" in captured.step(np.int64(0))[4] for _ in range(5)]
        assert due == [False, True, False, True, True]


def test_capture_leaves_the_rest_of_info_alone():
    plain, captured = LineEnv(), CaptureFrames(LineEnv())
    expected, info = plain.reset(seed=0)[1], captured.reset(seed=0)[1]
    assert info.keys() == {*expected, "frames"}


def test_every_must_be_positive():
    with pytest.raises(FrameError, match="`every` must be at least 1, got 0"):
        CaptureFrames(LineEnv(), every=0)


def test_frames_are_captured_once():
    env = CaptureFrames(CaptureFrames(LineEnv()))
    with pytest.raises(FrameError, match="must not hold 'frames' already"):
        env.reset(seed=0)
