"""Raw images become frames whatever encoding, padding and byte order; wrong ones are named."""

from __future__ import annotations

import array

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tests.memory_messages import build

from kibble.rewards.cameras.depth_frames import pack_depth, unpack_depth
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.ros.images import IMAGE, decode, encode, known_encodings

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def image(pixels, *, encoding, padding=0, big=False, **changed):
    """Make a message of an array's rows, with bytes of rubbish behind each."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    fields = {
        "height": len(pixels),
        "width": pixels.shape[1],
        "encoding": encoding,
        "is_bigendian": int(big),
        "step": rows.shape[1],
        "data": rows.reshape(-1),
    }
    return build(IMAGE, fields | changed)


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    padding=st.integers(0, 5),
    places=st.sampled_from(
        [("rgb8", "rgb"), ("bgr8", "bgr"), ("rgba8", "rgba"), ("bgra8", "bgra"), ("8UC3", "bgr")]
    ),
    seed=st.integers(0, 99),
)
def test_colours_end_up_in_their_places(size, padding, places, seed):
    encoding, order = places
    stored = np.random.default_rng(seed).integers(0, 256, (*size, len(order)), np.uint8)
    frame = decode(image(stored, encoding=encoding, padding=padding))
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(frame, stored[..., [order.index(c) for c in "rgb"]])


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_becomes_three_equal_channels(encoding, padding):
    grey = np.array([[0, 7, 255]], np.uint8)
    frame = decode(image(grey, encoding=encoding, padding=padding))
    assert frame.tolist() == [[[0] * 3, [7] * 3, [255] * 3]]


@pytest.mark.parametrize("big", [False, True])
def test_sixteen_bits_of_grey_become_eight(big):
    grey = np.array([[0, 256, 65535]], ">u2" if big else "<u2")
    frame = decode(image(grey, encoding="mono16", big=big))
    assert frame[0, :, 0].tolist() == [0, 1, 255]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("encoding", "padding"), [("16UC1", 0), ("16UC1", 6), ("mono16", 2)])
def test_millimetres_become_packed_depth(encoding, padding, big):
    millimetres = np.array([[0, 1, 65535], [1500, 2, 3]], ">u2" if big else "<u2")
    frame = decode(
        image(millimetres, encoding=encoding, padding=padding, big=big), view="front_depth"
    )
    metres = np.where(millimetres > 0, millimetres / 1e3, np.nan)
    np.testing.assert_array_equal(frame, pack_depth(metres))


@pytest.mark.parametrize("big", [False, True])
def test_metres_become_packed_depth(big):
    metres = np.array([[np.nan, np.inf, -1.0], [0.0, 1.25, 2000.0]], ">f4" if big else "<f4")
    frame = decode(image(metres, encoding="32FC1", padding=4, big=big), view="wrist_depth")
    np.testing.assert_array_equal(frame, pack_depth(metres))


@given(seed=st.integers(0, 999))
def test_depth_is_packed_as_everywhere_else(seed):
    metres = np.random.default_rng(seed).uniform(-0.1, 5.0, (3, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        decode(image(metres, encoding="32FC1"), view="a_depth"), pack_depth(metres)
    )


@pytest.mark.parametrize("holder", [bytes, bytearray, lambda data: array.array("B", data)])
def test_data_is_anything_with_the_buffer_protocol(holder):
    message = image(PIXELS, encoding="bgr8")
    message.data = holder(message.data.tobytes())
    np.testing.assert_array_equal(decode(message), PIXELS[..., ::-1])


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_a_frame_outlives_the_messages_memory(encoding):
    message = image(PIXELS[..., :1] if encoding == "mono8" else PIXELS, encoding=encoding)
    held = bytearray(message.data.tobytes())
    message.data = held
    frame = decode(message)
    before = frame.copy()
    held[:] = bytes(len(held))
    np.testing.assert_array_equal(frame, before)
    assert frame.flags.writeable


def test_a_large_image_is_just_decoded():
    large = np.zeros((2160, 3840, 3), np.uint8)
    large[-1, -1] = 1, 2, 3
    assert decode(image(large, encoding="bgr8"))[-1, -1].tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"encoding": "bayer_rggb8"}, "encoding must be one of rgb8, .*got bayer_rggb8 of 3 x 2"),
        ({"encoding": ""}, "encoding must be one of"),
        ({"height": 0}, "must have pixels, got rgb8 of 3 x 0 pixels"),
        ({"width": 0}, "must have pixels, got rgb8 of 0 x 2 pixels"),
        ({"width": 4}, r"at least 12 bytes \(rgb8 of 4 x 2 pixels\), got a `step` of 9"),
        ({"step": 0}, "got a `step` of 0"),
        ({"step": 10}, r"must have 20 bytes \(rgb8 of 3 x 2 pixels, `step` 10\), got 18"),
        ({"height": 3}, r"must have 27 bytes .* got 18; it is cut off"),
        ({"height": 2**32 - 1, "width": 2**32 - 1, "step": 2**32 - 1}, "got a `step` of"),
        ({"data": b""}, "must have 18 bytes .* got 0"),
        ({"data": bytes(9)}, "must have 18 bytes .* got 9; it is cut off"),
        ({"data": bytes(19)}, "must have 18 bytes .* got 19"),
        ({"encoding": "rgba8"}, r"at least 12 bytes \(rgba8"),
    ],
)
def test_what_does_not_fit_is_named(changed, text):
    with pytest.raises(FrameError, match=text):
        decode(image(PIXELS, **{"encoding": "rgb8", **changed}))


def test_depth_and_colour_are_not_mixed_up():
    depth = image(np.ones((2, 2), np.uint16), encoding="16UC1")
    with pytest.raises(FrameError, match=r"belong to a view whose name ends in '_depth'"):
        decode(depth, view="front")
    with pytest.raises(FrameError, match=r"View 'front_depth' is for depth.*got 'rgb8'"):
        decode(image(PIXELS, encoding="rgb8"), view="front_depth")


def test_a_message_without_a_buffer_is_refused():
    message = image(PIXELS, encoding="rgb8")
    message.data = [1, 2, 3]
    with pytest.raises(FrameError, match=r"must have `data` with the buffer protocol.*with list"):
        decode(message)
    with pytest.raises(FrameError, match="got object with NoneType"):
        decode(object())


@given(seed=st.integers(0, 99), encoding=st.sampled_from(["rgb8", "bgr8"]))
def test_encoding_and_decoding_changes_nothing(seed, encoding):
    frame = np.random.default_rng(seed).integers(0, 256, (3, 5, 3), np.uint8)
    fields = encode(frame, stamp=1_500_000_002, frame_id="camera", encoding=encoding)
    message = build(IMAGE, fields)
    np.testing.assert_array_equal(decode(message), frame)
    assert message.header.frame_id == "camera"
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_002)


@pytest.mark.parametrize(("encoding", "unit"), [("32FC1", 1e-4), ("16UC1", 1e-3)])
def test_packed_depth_survives_the_way_there_and_back(encoding, unit):
    metres = np.array([[np.nan, 0.0123, 1.25], [3.0, 70.0, 0.2]])
    message = build(IMAGE, encode(pack_depth(metres), stamp=0, encoding=encoding))
    back = unpack_depth(decode(message, view="front_depth"))
    if encoding == "16UC1":
        metres[metres > 65.535] = np.nan  # beyond what 16 bits of millimetres hold
    np.testing.assert_allclose(back, metres, atol=unit / 2 + 1e-6)


def test_grey_is_made_with_the_weights_of_luma():
    frame = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
    assert encode(frame, stamp=0, encoding="mono8")["data"].tolist() == [76, 150, 29, 9]


def test_encoding_says_what_it_takes():
    with pytest.raises(ConfigError, match=r"must be rgb8, bgr8, mono8, .* got 'yuv'"):
        encode(PIXELS, stamp=0, encoding="yuv")
    with pytest.raises(FrameError, match=r"got uint8 \(2, 3\)"):
        encode(PIXELS[..., 0], stamp=0)
    with pytest.raises(FrameError, match=r"got float32"):
        encode(PIXELS.astype(np.float32), stamp=0)


def test_known_encodings_are_those_that_decode():
    for encoding in known_encodings():
        size = {"mono8": 1, "8UC1": 1, "mono16": 2, "rgba8": 4, "bgra8": 4, "8UC4": 4}
        data = np.zeros(size.get(encoding, 3), np.uint8)
        fields = {"height": 1, "width": 1, "encoding": encoding, "step": len(data), "data": data}
        assert decode(build(IMAGE, fields)).shape == (1, 1, 3)
    assert known_encodings(depth=True) == ("mono16", "16UC1", "32FC1")
