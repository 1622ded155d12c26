"""Views that show depth, against the geometry of the scene."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from kibble.envs.frames import frame_source
from kibble.envs.tabletop import Appearance, CameraPose
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.errors import ConfigError


def seen_points(env, view):
    """Place every pixel of a view in the base frame: (H, W, 3) m."""
    camera = env.camera(depth_view(view))
    depth = unpack_depth(env.frames([depth_view(view)])[depth_view(view)])[0]
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.intrinsics).T
    base = np.linalg.inv(camera.extrinsics)
    return (rays * depth[..., None]) @ base[:3, :3].T + base[:3, 3]


@pytest.mark.parametrize("view", ["front", "side", "top", "wrist", "corner"])
@pytest.mark.parametrize("appearance", [None, Appearance.training()])
def test_every_pixel_of_the_table_lies_in_its_plane(view, appearance):
    corner = CameraPose(position=(0.9, 0.6, 0.5), target=(0.45, 0.0, 0.05), fovy=50.0)
    env = gymnasium.make(
        "kibble/Push-v0", cameras={"corner": corner}, appearance=appearance, image_size=(72, 96)
    ).unwrapped
    env.reset(seed=0)
    height = seen_points(env, view)[..., 2]
    on_table = np.abs(height) < 0.004
    assert on_table.mean() > 0.25
    assert np.median(np.abs(height[on_table])) < 1e-4
    env.close()


def test_a_ball_is_as_near_as_it_is():
    env = gymnasium.make("kibble/Reach-v0", image_size=(120, 160)).unwrapped
    env.reset(seed=0)
    spot = np.array([0.47, 0.05, 0.30])
    env.world.place_fixture(env.task.slots[0], spot)
    env.world.refresh()
    camera = env.camera("side")
    column, row = camera.project(spot[None])[0].astype(int)
    point = seen_points(env, "side")[row, column]
    radius = float(env.world.model.geom(env.task.slots[0]).size[0])
    assert np.linalg.norm(point - spot) == pytest.approx(radius, abs=1.5e-3)
    env.close()


def test_the_sky_has_no_depth_and_pictures_stay_as_they_are():
    skyward = CameraPose(position=(0.9, 0.6, 0.5), target=(0.0, 0.0, 0.9))
    arguments = {"cameras": {"up": skyward}, "views": ("up", "up_depth")}
    env = gymnasium.make("kibble/Reach-v0", **arguments).unwrapped
    env.reset(seed=0)
    alone = env.frames(["up"])["up"]
    frames = env.frames()
    np.testing.assert_array_equal(frames["up"], alone)
    depth = unpack_depth(frames["up_depth"])[0]
    assert np.isnan(depth[:20]).all()
    assert np.isfinite(depth).any()
    assert frame_source(env).views == ("up", "up_depth")
    env.close()


def test_a_camera_that_is_called_like_a_depth_view_is_refused():
    pose = CameraPose(position=(0.9, 0.6, 0.5), target=(0.0, 0.0, 0.6))
    with pytest.raises(ConfigError, match="that do not end in '_depth', got 'my_depth'"):
        gymnasium.make("kibble/Reach-v0", cameras={"my_depth": pose})
