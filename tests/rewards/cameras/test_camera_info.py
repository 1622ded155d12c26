"""Calibration files."""

from __future__ import annotations

import re

import numpy as np
import pytest
import yaml

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.camera_info import read_camera_info, write_camera_info
from kibble.rewards.errors import ConfigError

ROS_FILE = """\
image_width: 640
image_height: 480
camera_name: usb_cam
camera_matrix:
  rows: 3
  cols: 3
  data: [514.453865, 0.000000, 368.311232, 0.000000, 513.428903, 224.580904, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.035723, -0.048942, -1e-05, 0.012205, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
projection_matrix:
  rows: 3
  cols: 4
  data: [515.0, 0.0, 375.2, 0.0, 0.0, 515.5, 223.9, 0.0, 0.0, 0.0, 1.0, 0.0]
base_to_camera:
  rows: 4
  cols: 4
  data: [0, 1, 0, 0, 0.6, 0, -0.8, -0.192, -0.8, 0, -0.6, 1.356, 0, 0, 0, 1]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "front.yaml"
    path.write_text(ROS_FILE)
    return path


def test_a_file_as_ros_writes_it_is_read_with_pixels_counted_from_their_corner(file):
    camera = read_camera_info(file)
    assert (camera.width, camera.height) == (640, 480)
    np.testing.assert_allclose(
        camera.intrinsics,
        [[514.453865, 0, 368.811232], [0, 513.428903, 225.080904], [0, 0, 1]],
    )
    np.testing.assert_allclose(camera.distortion, [0.035723, -0.048942, -1e-5, 0.012205, 0])
    np.testing.assert_allclose(camera.centre, [1.2, 0.0, 0.66], atol=1e-12)


def test_what_opencv_projects_is_half_a_pixel_less(file):
    cv2 = pytest.importorskip("cv2")
    content = yaml.safe_load(ROS_FILE)
    numbers = {
        key: np.array([float(item) for item in content[key]["data"]])
        for key in ("camera_matrix", "distortion_coefficients", "base_to_camera")
    }
    point = np.array([[0.45, 0.06, 0.02]])
    pose = numbers["base_to_camera"].reshape(4, 4)
    turn, _ = cv2.Rodrigues(pose[:3, :3])
    seen, _ = cv2.projectPoints(
        point,
        turn,
        pose[:3, 3],
        numbers["camera_matrix"].reshape(3, 3),
        numbers["distortion_coefficients"],
    )
    np.testing.assert_allclose(read_camera_info(file).project(point), seen[:, 0] + 0.5, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "coefficients"),
    [
        ("plumb_bob", []),
        ("plumb_bob", [-0.3, 0.1, 1e-5, -2e-4]),
        ("rational_polynomial", [0.5, -2.7, 1e-4, -2e-4, 1.5, 0.4, -2.5, 1.4]),
        ("equidistant", [-0.02, 0.006, -0.003, 4e-4]),
    ],
)
def test_what_is_written_is_read_again(tmp_path, file, model, coefficients):
    original = read_camera_info(file)
    camera = Camera(
        intrinsics=original.intrinsics,
        extrinsics=original.extrinsics,
        width=640,
        height=480,
        distortion=np.array(coefficients),
        distortion_model=model,
    )
    path = tmp_path / "again.yaml"
    write_camera_info(path, camera, name="front")
    again = read_camera_info(path)
    assert yaml.safe_load(path.read_text())["camera_name"] == "front"
    assert (again.width, again.height, again.distortion_model) == (640, 480, model)
    np.testing.assert_allclose(again.intrinsics, camera.intrinsics)
    np.testing.assert_allclose(again.extrinsics, camera.extrinsics, atol=1e-12)
    points = np.random.default_rng(0).uniform([0.3, -0.2, 0], [0.6, 0.2, 0.2], (20, 3))
    np.testing.assert_allclose(again.project(points), camera.project(points))


def test_a_file_of_ros_alone_serves_where_the_place_is_given(file):
    content = yaml.safe_load(ROS_FILE)
    del content["base_to_camera"]
    file.write_text(yaml.safe_dump(content))
    camera = read_camera_info(file, extrinsics=np.eye(4))
    np.testing.assert_array_equal(camera.extrinsics, np.eye(4))
    assert camera.intrinsics[0, 2] == pytest.approx(368.811232)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"calibration .*nowhere\.yaml cannot be read \(No such"):
        read_camera_info(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    "key",
    [
        "image_width",
        "image_height",
        "camera_name",
        "camera_matrix",
        "distortion_model",
        "distortion_coefficients",
        "rectification_matrix",
        "projection_matrix",
        "base_to_camera",
    ],
)
def test_a_missing_key_is_named_with_the_file(file, key):
    content = yaml.safe_load(ROS_FILE)
    del content[key]
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=rf"front\.yaml must have the key `{key}`, got \["):
        read_camera_info(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_width: 640", "image_width: wide", "`image_width` of .* must be a whole number"),
        ("image_width: 640", "image_width: 0", "`image_width` of .* must be a whole number"),
        ("camera_name: usb_cam", "camera_name: 7", "`camera_name` of .* must be a word, got 7"),
        ("plumb_bob", "brown", "`distortion_model` of .* must be one of .*, got 'brown'"),
        ("plumb_bob", "equidistant", r"no calibration of a camera: `distortion` .* \(4,\)"),
        ("data: [514.453865,", "data: [.nan,", "no calibration .*: `intrinsics` must be a finite"),
        ("data: [514.453865,", "data: [0.0,", "a singular camera sees nothing"),
        ("data: [514.453865,", "data: [much,", r"`camera_matrix\.data` of .* a list of numbers"),
        ("data: [514.453865,", "data: [", "`camera_matrix` of .* 9 in all, got 3 rows .* with 8"),
        ("rows: 4\n", "rows: 3\n", "`base_to_camera` of .* must have `rows: 4`"),
        ("data: [0, 1, 0, 0,", "data: [0, 3, 0, 0,", "`extrinsics` must be a rotation"),
        ("base_to_camera:\n  rows: 4\n", "base_to_camera:\n", "`base_to_camera` of .* must have"),
        ("image_width: 640", "image_width: [640", "must be YAML, got: while parsing"),
        (ROS_FILE, "", "must map keys to values, got nothing"),
        (ROS_FILE, "- 1", "must map keys to values, got list"),
    ],
)
def test_what_is_wrong_is_named(file, old, new, message):
    assert old in ROS_FILE
    file.write_text(ROS_FILE.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        read_camera_info(file)
    assert re.search(r"front\.yaml", str(caught.value))
