"""The cameras of views."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import kibble.envs  # noqa: F401  # registers the suite
from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.camera_info import write_camera_info
from kibble.rewards.errors import ConfigError


@pytest.mark.parametrize("task", ["Reach", "DrawerOpen"])
@pytest.mark.parametrize("size", [(96, 96), (240, 240), (120, 160), (96, 64)])
def test_the_shipped_calibrations_are_those_of_the_simulator(task, size):
    env = gymnasium.make(f"kibble/{task}-v0", image_size=size).unwrapped
    env.reset(seed=0)
    cameras = read_cameras("tabletop", dict.fromkeys(("front", "side", "top"), size))
    for view, camera in cameras.items():
        true = env.camera(view)
        assert (camera.height, camera.width) == (true.height, true.width) == size
        np.testing.assert_allclose(camera.intrinsics, true.intrinsics, atol=1e-9)
        np.testing.assert_allclose(camera.extrinsics, true.extrinsics, atol=1e-9)


def test_a_folder_serves_resized_frames_and_says_where_they_are_stretched(tmp_path, caplog):
    whole = read_cameras("tabletop", {"front": (480, 640)})["front"]
    write_camera_info(tmp_path / "left.yaml", whole, name="left")
    read_cameras(str(tmp_path), {"left": (120, 160)})
    assert not caplog.records
    (camera,) = read_cameras(str(tmp_path), {"left": (96, 96)}).values()
    assert "96 x 96 pixels are taken for stretched pictures of the 640 x 480" in caplog.text
    point = np.array([0.5, 0.1, 0.03])
    np.testing.assert_allclose(
        camera.project(point) / 96, whole.project(point) / [640, 480], atol=1e-9
    )


def test_an_unknown_calibration_and_a_view_without_one_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"one of \['tabletop'\] or a folder .*, got 'tabltop'"):
        read_cameras("tabltop", {"front": (96, 96)})
    with pytest.raises(ConfigError, match=r"got none for \['wrist'\]; it has \['front', 'side'"):
        read_cameras("tabletop", {"front": (96, 96), "wrist": (96, 96)})
    with pytest.raises(ConfigError, match=r"got none for \['front'\]; it has \[\]"):
        read_cameras(str(tmp_path), {"front": (96, 96)})
