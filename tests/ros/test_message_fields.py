"""Messages of rclpy made of names and values; nothing that does not fit gets through."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from kibble.rewards.errors import ConfigError

_NO_RCLPY = (
    importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("kibble_ros") is None
)
pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(_NO_RCLPY, reason="needs rclpy, kibble_ros"),
]


def _build(type_name: str, fields: dict):
    from kibble_ros.message_fields import build_message, find_type

    return build_message(find_type(type_name), fields)


def test_numbers_texts_and_nested_messages() -> None:
    image = _build(
        "sensor_msgs/msg/Image",
        {"header": {"stamp": {"sec": 3}, "frame_id": "eye"}, "height": np.int64(2), "data": b"ab"},
    )
    assert (image.header.stamp.sec, image.header.frame_id, image.height) == (3, "eye", 2)
    assert bytes(image.data) == b"ab"
    assert (image.width, image.encoding) == (0, "")


def test_arrays_of_every_kind() -> None:
    info = _build("sensor_msgs/msg/CameraInfo", {"k": range(9), "d": np.float32([1, 2])})
    assert info.k.tolist() == list(range(9))
    assert list(info.d) == [1.0, 2.0]
    joints = _build("sensor_msgs/msg/JointState", {"name": ("a", "b"), "position": []})
    assert (joints.name, len(joints.position)) == (["a", "b"], 0)


def test_a_byte_is_given_as_a_number() -> None:
    status = {"level": 2, "values": [{"key": "rate", "value": "30"}]}
    array = _build("diagnostic_msgs/msg/DiagnosticArray", {"status": [status]})
    assert array.status[0].level == b"\x02"
    assert array.status[0].values[0].key == "rate"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"heigth": 1}, "Image has no field 'heigth'; it has header, height"),
        ({"height": -1}, r"Image.height must be an integer in \[0, 4294967295\], got -1"),
        ({"height": 1.5}, "Image.height must be an integer"),
        ({"encoding": 8}, "Image.encoding must be a string, got 8"),
        ({"header": {"stamp": {"sec": 2**31}}}, "Image.header.stamp.sec must be an integer"),
        ({"header": 5}, "Image.header must be a mapping"),
        ({"data": "abc"}, "Image.data must be a row of uint8"),
        ({"data": [300]}, "Image.data must hold numbers that fit uint8"),
        ({"data": np.zeros((2, 2), np.uint8)}, "Image.data must be a row"),
    ],
)
def test_what_does_not_fit_is_named(fields: dict, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        _build("sensor_msgs/msg/Image", fields)


def test_more_that_does_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"CameraInfo.k must have 9 entries, got 8"):
        _build("sensor_msgs/msg/CameraInfo", {"k": range(8)})
    with pytest.raises(ConfigError, match=r"JointState.name\[1\] must be a string, got 2"):
        _build("sensor_msgs/msg/JointState", {"name": ["a", 2]})
    with pytest.raises(ConfigError, match=r"JointState.name must be a sequence of string"):
        _build("sensor_msgs/msg/JointState", {"name": "a"})
    with pytest.raises(ConfigError, match=r"Bool.data must be a boolean, got 'yes'"):
        _build("std_msgs/msg/Bool", {"data": "yes"})


@pytest.mark.parametrize("name", ["sensor_msgs/Image", "nope_msgs/msg/Image", "std_msgs/msg/Nope"])
def test_an_unknown_type_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        _build(name, {})
