"""Messages made of mappings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types

TYPES = message_types()


def _round_trip(type_name: str, fields: dict) -> object:
    return TYPES.decode(TYPES.encode(build(TYPES, type_name, fields), type_name), type_name)


@pytest.mark.parametrize("type_name", sorted(TYPES.store.fielddefs))
def test_every_type_has_a_default_that_travels(type_name: str) -> None:
    assert TYPES.encode(_round_trip(type_name, {}), type_name) == TYPES.encode(
        build(TYPES, type_name, {}), type_name
    )


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 2**32 - 1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_scalars_come_back(sec: int, nanosec: int, frame: str) -> None:
    stamp = {"sec": sec, "nanosec": np.uint32(nanosec)}
    message = _round_trip("std_msgs/msg/Header", {"stamp": stamp, "frame_id": frame})
    assert (message.stamp.sec, message.stamp.nanosec, message.frame_id) == (sec, nanosec, frame)


@given(st.lists(st.floats(width=64), max_size=20))
def test_arrays_come_back(values: list[float]) -> None:
    message = _round_trip("sensor_msgs/msg/JointState", {"position": values})
    assert np.array_equal(np.asarray(message.position), values, equal_nan=True)


@given(st.binary(max_size=200))
def test_bytes_come_back(data: bytes) -> None:
    for value in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert bytes(_round_trip("sensor_msgs/msg/Image", {"data": value}).data) == data


@given(st.integers())
def test_integers_out_of_range_are_refused(value: int) -> None:
    fields = {"height": value}
    if 0 <= value < 2**32:
        assert build(TYPES, "sensor_msgs/msg/Image", fields).height == value
    else:
        with pytest.raises(ConfigError, match=r"`height` of .*Image is a uint32, 0 to 4294967295"):
            build(TYPES, "sensor_msgs/msg/Image", fields)


@pytest.mark.parametrize(
    ("type_name", "fields", "text"),
    [
        (
            "sensor_msgs/msg/Image",
            {"hight": 3},
            r"`hight` is not a field of .*Image, which has he",
        ),
        ("std_msgs/msg/Bool", {"data": 1}, r"`data` of std_msgs/msg/Bool must be a bool, got 1"),
        ("std_msgs/msg/Float64", {"data": True}, r"must be a float64, got True \(bool\)"),
        ("std_msgs/msg/Float64", {"data": "1"}, r"must be a float64, got '1' \(str\)"),
        ("std_msgs/msg/Int32", {"data": True}, r"must be an int32, got True"),
        ("std_msgs/msg/String", {"data": b"x"}, r"must be a string, got b'x' \(bytes\)"),
        ("std_msgs/msg/String", {"data": None}, r"must be a string, got None"),
        ("std_msgs/msg/Header", {"stamp": 3.0}, r"`stamp` must be a mapping of .*Time, got 3\.0"),
        ("sensor_msgs/msg/JointState", {"name": "ab"}, r"`name` of .* must be a sequence"),
        ("sensor_msgs/msg/JointState", {"name": ["a", 2]}, r"`name\[1\]` of .* must be a string"),
        ("sensor_msgs/msg/JointState", {"position": np.zeros((2, 2))}, r"shape \(2, 2\)"),
        ("sensor_msgs/msg/Image", {"data": np.array([0.5])}, r"`data` .* array of uint8"),
        ("sensor_msgs/msg/Image", {"data": np.array([300], np.uint16)}, r"`data` .* array of ui"),
        (
            "std_msgs/msg/Float32",
            {"data": 1e39},
            r"`data` of std_msgs/msg/Float32 is a float32, at",
        ),
        ("std_msgs/msg/Float32MultiArray", {"data": [1e39]}, r"`data` .* array of float32"),
        ("sensor_msgs/msg/Image", {"data": [True]}, r"`data` .* array of uint8"),
        ("std_msgs/msg/Int32MultiArray", {"data": [2**40]}, r"`data` .* array of int32"),
        ("sensor_msgs/msg/JointState", {"position": [True]}, r"`position` .* array of float64"),
        ("sensor_msgs/msg/Image", {"data": [[1], [2, 3]]}, r"`data` .* array of uint8"),
        ("sensor_msgs/msg/CameraInfo", {"k": [1.0] * 8}, r"`k` of .* has 9 elements, got 8"),
        (
            "kibble_msgs/msg/Keypoints",
            {"keypoints": [{}, {"position": {"x": "a"}}]},
            r"`keypoints\[1\]\.position\.x` of geometry_msgs/msg/Point must be a float64",
        ),
    ],
)
def test_what_is_wrong_is_named(type_name: str, fields: dict, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        build(TYPES, type_name, fields)


def test_a_name_that_is_too_long_for_its_field_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`node_name` .* at most 256 bytes"):
        build(TYPES, "rmw_dds_common/msg/NodeEntitiesInfo", {"node_name": "ä" * 200})


def test_numbers_of_another_width_are_taken_where_they_fit() -> None:
    message = build(
        TYPES,
        "sensor_msgs/msg/Image",
        {"data": np.arange(3, dtype=np.int64), "step": np.int16(5)},
    )
    assert message.data.dtype == np.uint8
    assert message.step == 5


@given(st.lists(st.floats(width=32), max_size=5))
def test_every_float32_travels(values: list[float]) -> None:
    message = _round_trip("std_msgs/msg/Float32MultiArray", {"data": values})
    assert np.array_equal(np.asarray(message.data), np.array(values, np.float32), equal_nan=True)
    for value in values:
        alone = _round_trip("std_msgs/msg/Float32", {"data": value}).data
        assert alone == value or np.isnan(value)


def test_what_was_given_is_not_changed() -> None:
    data = np.arange(12, dtype=np.uint8)
    fields = {"header": {"frame_id": "a"}, "data": data}
    build(TYPES, "sensor_msgs/msg/Image", fields)
    assert fields == {"header": {"frame_id": "a"}, "data": data}
    assert np.array_equal(data, np.arange(12))


def test_arrays_of_a_fixed_length_default_to_zeros() -> None:
    message = build(TYPES, "sensor_msgs/msg/CameraInfo", {})
    assert message.k.tolist() == [0.0] * 9
    assert math.isclose(message.roi.x_offset, 0)
