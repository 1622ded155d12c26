"""The command ``kibble calibrate``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml
from PIL import Image

from kibble.agents.calibrate.config import CalibrateConfig
from kibble.agents.calibrate.run import calibrate
from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.camera_info import read_camera_info, write_camera_info
from kibble.rewards.cameras.errors import CalibrationError
from kibble.rewards.errors import ConfigError

pytest.importorskip("cv2")

TRUE = read_cameras("tabletop", {"front": (240, 320)})["front"]
POINTS = np.array(
    [
        [0.3, -0.2, 0],
        [0.3, 0.2, 0],
        [0.6, -0.2, 0],
        [0.6, 0.2, 0],
        [0.45, 0, 0.15],
        [0.4, 0.1, 0.1],
    ]
)


@pytest.fixture
def files(tmp_path):
    """A lens without a place, clicked points and a grey picture."""
    lens = tmp_path / "cam.yaml"
    write_camera_info(lens, replace(TRUE, extrinsics=np.eye(4)), name="cam")
    content = yaml.safe_load(lens.read_text())
    del content["base_to_camera"]
    lens.write_text(yaml.safe_dump(content))
    write_points(tmp_path, TRUE.project(POINTS))
    Image.new("RGB", (320, 240), (90, 90, 90)).save(tmp_path / "front.png")
    return tmp_path


def write_points(folder, pixels):
    rows = [
        {"point": point.tolist(), "pixel": pixel.tolist()}
        for point, pixel in zip(POINTS, pixels, strict=True)
    ]
    (folder / "points.yaml").write_text(yaml.safe_dump(rows))


def config(folder, **changes):
    values = {
        "camera": str(folder / "cam.yaml"),
        "points": str(folder / "points.yaml"),
        "picture": str(folder / "front.png"),
        "view": "front",
        "out": str(folder / "out"),
    }
    return CalibrateConfig(**{**values, **changes})


def test_points_become_a_calibration_that_the_reward_reads(files, capsys):
    assert calibrate(config(files)) == 0
    found = read_cameras(str(files / "out"), {"front": (240, 320)})["front"]
    np.testing.assert_allclose(found.extrinsics, TRUE.extrinsics, atol=1e-5)
    np.testing.assert_allclose(found.intrinsics, TRUE.intrinsics)
    printed = capsys.readouterr().out
    assert "The camera stands at (1.200, 0.000, 0.660) m." in printed.replace("-0.000", "0.000")
    assert str(files / "out" / "front.yaml") in printed


def test_the_picture_shows_the_grid_where_the_table_is(files):
    calibrate(config(files))
    image = np.asarray(Image.open(files / "out" / "front_check.png")).astype(int)
    assert image.shape == (480, 640, 3)
    on_lines = np.array([[0.5, 0.05, 0.0], [0.55, -0.1, 0.0], [0.4, 0.17, 0.0]])
    for u, v in 2 * TRUE.project(on_lines):
        around = image[int(v) - 1 : int(v) + 2, int(u) - 1 : int(u) + 2]
        assert around.min(axis=2).max() == 255
    u, v = (2 * TRUE.project(np.array([0.55, -0.05, 0.0]))).astype(int)
    np.testing.assert_array_equal(image[v, u], [90, 90, 90])


def test_an_existing_calibration_is_drawn_and_nothing_else_written(files):
    write_camera_info(files / "front.yaml", TRUE, name="front")
    calibrate(config(files, camera=str(files / "front.yaml"), points=None, view=None))
    assert [path.name for path in (files / "out").iterdir()] == ["front_check.png"]
    assert read_camera_info(files / "front.yaml").width == 320


def test_what_exists_is_kept_unless_asked(files):
    calibrate(config(files))
    before = (files / "out" / "front.yaml").read_text()
    with pytest.raises(ConfigError, match=r"must have no front\.yaml yet, .* add overwrite=true"):
        calibrate(config(files))
    assert (files / "out" / "front.yaml").read_text() == before
    assert calibrate(config(files, overwrite=True)) == 0


def test_a_wrong_click_is_named_and_nothing_written(files):
    pixels = TRUE.project(POINTS)
    pixels[4] += [40.0, 30.0]
    write_points(files, pixels)
    with pytest.raises(CalibrationError, match="point 4 at"):
        calibrate(config(files))
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a list with lines such as .* got nothing"),
        ("a: 1", "must be a list with lines such as .* got dict"),
        ("- {point: [1, 2, 3]}", "Point 0 of .* must be like"),
        ("- {point: [1, 2], pixel: [3, 4]}", "`point` of point 0 of .* must be 3 numbers"),
        ("- {point: [1, 2, x], pixel: [3, 4]}", "`point` of point 0 of .* must be 3 numbers"),
        ("- {point: [1, 2, 3], pixel: 4}", "`pixel` of point 0 of .* must be 2 numbers"),
        ("- [", "`points` must be YAML"),
    ],
)
def test_a_points_file_of_another_form_is_named(files, text, message):
    (files / "points.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        calibrate(config(files))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera": ""}, "`camera` must name a file"),
        ({"points": None, "picture": None}, "`points` or `picture` must be given"),
        ({"view": "a/b"}, "`view` must be a plain name"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, **changes)


def test_pictures_that_are_none_or_of_another_size_are_refused(files):
    with pytest.raises(ConfigError, match="`points` must name a file"):
        calibrate(config(files, points=str(files / "none.yaml")))
    with pytest.raises(ConfigError, match="`picture` must be a picture"):
        calibrate(config(files, picture=str(files / "points.yaml")))
    Image.new("RGB", (100, 100)).save(files / "small.png")
    with pytest.raises(ConfigError, match="320 x 240 pixels, got 100 x 100"):
        calibrate(config(files, picture=str(files / "small.png")))
