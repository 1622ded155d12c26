"""What the suite's cameras show."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from kibble.envs.registration import ENVIRONMENTS
from kibble.envs.tabletop import CameraPose, make_expert
from kibble.envs.tabletop.palette import PALETTE
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.frames import check_frames

IDS = sorted(ENVIRONMENTS)


@pytest.mark.parametrize("env_id", IDS)
def test_frames_have_the_views_and_size_that_were_asked_for(env_id):
    env = gymnasium.make(env_id, views=("wrist", "top"), image_size=(48, 64)).unwrapped
    env.reset(seed=0)
    frames = env.frames()
    assert check_frames(frames, views=("wrist", "top"), count=1) == 1
    assert list(frames) == ["wrist", "top"]
    assert all(array.shape == (1, 48, 64, 3) for array in frames.values())
    assert all(array.flags.c_contiguous for array in frames.values())
    assert list(env.frames(["side"])) == ["side"]
    env.close()


@pytest.mark.parametrize("env_id", IDS)
def test_frames_show_the_present_and_change_with_it(env_id):
    env = gymnasium.make(env_id)
    table = env.unwrapped
    env.reset(seed=0)
    first = table.frames()
    for view, again in table.frames().items():
        np.testing.assert_array_equal(first[view], again)
    expert = make_expert(env)
    for _ in range(4):
        env.step(expert())
    for view, array in table.frames().items():
        assert (array != first[view]).any()
    env.close()


def test_rendering_leaves_the_simulation_alone():
    with_frames, without = gymnasium.make("kibble/Push-v0"), gymnasium.make("kibble/Push-v0")
    with_frames.reset(seed=1)
    without.reset(seed=1)
    for _ in range(10):
        action = np.array([0.2, -0.3, -0.8, 0.0], np.float32)
        with_frames.unwrapped.frames()
        np.testing.assert_array_equal(with_frames.step(action)[0], without.step(action)[0])
    with_frames.close()


def test_frames_are_only_rendered_when_asked_for():
    env = gymnasium.make("kibble/Reach-v0")
    env.reset(seed=0)
    env.step(np.zeros(4, np.float32))
    assert env.unwrapped._renderer is None
    env.unwrapped.frames()
    assert env.unwrapped._renderer is not None
    env.close()
    assert env.unwrapped._renderer is None


def test_render_is_the_first_view():
    env = gymnasium.make("kibble/Reach-v0", render_mode="rgb_array", views=("side", "front"))
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), env.unwrapped.frames()["side"][0])
    env.close()


@pytest.mark.parametrize("view", ["front", "wrist", "side", "top", "corner"])
def test_a_known_point_falls_on_the_pixel_that_the_camera_says(view):
    corner = CameraPose(position=(0.9, 0.6, 0.5), target=(0.45, 0.0, 0.05), fovy=50.0)
    env = gymnasium.make(
        "kibble/Reach-v0", image_size=(120, 160), cameras={"corner": corner}
    ).unwrapped
    env.reset(seed=0)
    world = env.world
    spot = np.array([0.47, 0.05, 0.06])
    world.place_hand(np.array([0.40, 0.0, 0.20]), closed=True)
    places = (spot, np.array([0.7, 0.5, -0.3]), np.array([0.7, -0.5, -0.3]))  # two out of sight
    for ball, place in zip(env.task.slots, places, strict=True):
        world.place_fixture(ball, place)
    world.paint(("ball_0",), "green")
    world.refresh()
    camera = env.camera(view)
    assert (camera.width, camera.height) == (160, 120)
    image = env.frames([view])[view][0].astype(int)
    green = (image[..., 1] > 1.8 * image[..., 0]) & (image[..., 1] > 1.8 * image[..., 2])
    rows, columns = np.nonzero(green)
    assert len(rows) > 10
    centre = np.array([columns.mean(), rows.mean()]) + 0.5
    expected = camera.project(spot[None])[0]
    # the disc of a ball off the axis is stretched and the hand may hide a part: a ball's radius
    assert np.abs(centre - expected).max() < 2.5
    env.close()


@pytest.mark.parametrize("env_id", IDS)
def test_the_front_view_shows_every_goal_and_the_hand(env_id):
    env = gymnasium.make(env_id).unwrapped
    for seed in range(30):
        env.reset(seed=seed)
        names = {name for goal in env.goals for name in (goal.subject, goal.target) if name}
        points = np.array([*(env.world.position(name) for name in names), env.world.pinch])
        pixels = env.camera("front").project(points)
        assert (pixels > 2).all()
        assert (pixels < 94).all()


@pytest.mark.parametrize("env_id", IDS)
def test_the_named_colours_are_there_to_be_seen(env_id):
    env = gymnasium.make(env_id)
    table = env.unwrapped
    visible = []
    for seed in range(12):
        env.reset(seed=seed)
        image = table.frames(["front"])["front"][0].astype(float)
        hue = image / (image.sum(axis=-1, keepdims=True) + 1e-6)  # (96, 96, 3)
        saturated = image.max(axis=-1) - image.min(axis=-1) > 90
        shades = {name: np.array(rgb) / sum(rgb) for name, rgb in PALETTE.items()}
        gaps = np.stack([np.abs(hue - shade).sum(-1) for shade in shades.values()])
        nearest = np.array(list(shades))[gaps.argmin(axis=0)]
        for colour in table.colours.values():
            visible.append(int(((nearest == colour) & saturated).sum()) >= 6)
    assert np.mean(visible) > 0.95
    env.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"views": ("frnt",)}, "`views` must be among .*'front'.*, got 'frnt'"),
        ({"views": ()}, "one or more different names"),
        ({"views": ("front", "front")}, "one or more different names"),
        ({"image_size": (4, 96)}, r"sides of 8 to 4096 pixels, got \(4, 96\)"),
        ({"image_size": (96,)}, "`image_size` must be"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        gymnasium.make("kibble/Reach-v0", **arguments)


def test_unknown_render_mode_and_task_are_refused():
    from kibble.envs.tabletop import TabletopEnv

    with pytest.raises(ConfigError, match="`render_mode` must be 'rgb_array' or None"):
        TabletopEnv("reach", render_mode="human")
    with pytest.raises(ConfigError, match="did you mean 'push'"):
        TabletopEnv("pusj")


def test_an_unknown_view_is_refused_when_frames_are_asked_for():
    env = gymnasium.make("kibble/Reach-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(FrameError, match=r"`view` must be one of .*, got 'back'"):
        env.frames(["back"])
    with pytest.raises(FrameError, match="got 'back'"):
        env.camera("back")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fovy": 180.0}, r"`fovy` must lie in \(0, 180\)"),
        ({"target": (1.0, 1.0, 1.0)}, "`target` must differ"),
    ],
)
def test_bad_camera_poses_are_refused(arguments, message):
    values = {"position": (1.0, 1.0, 1.0), "target": (0.0, 0.0, 0.0), **arguments}
    with pytest.raises(ConfigError, match=message):
        CameraPose(**values)
