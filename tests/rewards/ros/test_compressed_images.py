"""JPEG, PNG and compressed depth become frames; cut, damaged and enormous files are refused."""

from __future__ import annotations

import io
import struct
import zlib

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from PIL import Image
from tests.memory_messages import build

from kibble.rewards.cameras.depth_frames import pack_depth, unpack_depth
from kibble.rewards.errors import FrameError
from kibble.rewards.ros.compressed_images import LARGEST_PICTURE, encode_compressed
from kibble.rewards.ros.images import COMPRESSED_IMAGE, decode

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
RAMP = np.stack(np.broadcast_arrays(*np.ogrid[0:60:4, 0:90:5], 40), -1).astype(np.uint8)


def compressed(data, format):
    return build(COMPRESSED_IMAGE, {"format": format, "data": bytes(data)})


def png(pixels):
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format="PNG")
    return target.getvalue()


def depth_message(values, *, kind, scale=0.0, offset=0.0):
    header = struct.pack("<iff", 0, scale, offset)
    return compressed(header + png(values), f"{kind}; compressedDepth png")


def test_png_keeps_every_pixel_and_jpeg_nearly():
    exact = build(COMPRESSED_IMAGE, encode_compressed(RAMP, stamp=7, format="png"))
    np.testing.assert_array_equal(decode(exact), RAMP)
    lossy = decode(build(COMPRESSED_IMAGE, encode_compressed(RAMP, stamp=7, frame_id="cam")))
    assert lossy.flags.c_contiguous
    assert np.abs(lossy.astype(int) - RAMP).mean() < 3


@pytest.mark.parametrize("format", ["jpeg", "rgb8; jpeg compressed bgr8", "", "png"])
def test_the_data_says_what_it_is(format):
    assert decode(compressed(png(RAMP), format)).tolist() == RAMP.tolist()


def test_grey_palettes_and_alpha_become_rgb():
    grey = np.array([[0, 100]], np.uint8)
    assert decode(compressed(png(grey), "png")).tolist() == [[[0] * 3, [100] * 3]]
    deep = np.array([[0, 256, 65535]], np.uint16)
    assert decode(compressed(png(deep), "png"))[0, :, 0].tolist() == [0, 1, 255]
    clear = np.dstack([RAMP, np.zeros(RAMP.shape[:2], np.uint8)])
    np.testing.assert_array_equal(decode(compressed(png(clear), "png")), RAMP)


def test_depth_in_millimetres():
    millimetres = np.array([[0, 1, 1500]], np.uint16)
    expected = pack_depth(np.array([[np.nan, 0.001, 1.5]]))
    for message in (
        depth_message(millimetres, kind="16UC1"),
        compressed(png(millimetres), "16UC1; png compressed "),
    ):
        np.testing.assert_array_equal(decode(message, view="front_depth"), expected)


@given(metres=st.floats(0.5, 8.0))
def test_inverse_depth_is_turned_back(metres):
    """As compressed_depth_image_transport writes it: value = A / depth + B."""
    scale, offset = 6600.0, -30.0
    value = round(scale / metres + offset)
    message = depth_message(
        np.array([[value, 0]], np.uint16), kind="32FC1", scale=scale, offset=offset
    )
    back = unpack_depth(decode(message, view="a_depth"))
    assert back[0, 0] == pytest.approx(scale / (value - offset), abs=1e-4)
    assert np.isnan(back[0, 1])


def test_depth_that_would_be_infinite_is_no_reading():
    message = depth_message(np.array([[5]], np.uint16), kind="32FC1", scale=10.0, offset=5.0)
    assert np.isnan(unpack_depth(decode(message, view="a_depth"))).all()


@given(share=st.floats(0.0, 0.6))
def test_half_a_file_is_refused(share):
    for format in ("png", "jpeg"):
        whole = encode_compressed(NOISE, stamp=0, format=format)["data"].tobytes()
        with pytest.raises(FrameError, match="A compressed image must be"):
            decode(compressed(whole[: int(share * len(whole))], format))


@given(place=st.integers(8, 400), value=st.integers(0, 255))
def test_damage_never_raises_anything_else(place, value):
    for format in ("png", "jpeg"):
        data = bytearray(encode_compressed(RAMP, stamp=0, format=format)["data"].tobytes())
        data[min(place, len(data) - 1)] = value
        try:
            frame = decode(compressed(data, format))
        except FrameError:
            continue
        assert frame.ndim == 3


def test_a_file_that_claims_to_be_enormous_is_not_decoded():
    side = 2**14
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    body = struct.pack(">I", 1) + b"IDAT\0" + struct.pack(">I", zlib.crc32(b"IDAT\0"))
    with pytest.raises(FrameError, match=f"at most {LARGEST_PICTURE} pixels, got {side} x"):
        decode(compressed(bomb + body, "png"))


@pytest.mark.parametrize(
    ("data", "format", "view", "text"),
    [
        (b"", "jpeg", "front", "must be JPEG or PNG, got format 'jpeg', 0 bytes.*begin with noth"),
        (b"GIF89a..", "gif", "front", "begin with 47 49 46"),
        (bytes(12), "16UC1; compressedDepth png", "a_depth", "header of 12 bytes and a picture"),
        (bytes(40), "16UC1; compressedDepth rvl", "a_depth", "must be JPEG or PNG.*rvl"),
        (bytes(40), "16UC1; compressedDepth png", "front", "name ends in '_depth'"),
        (bytes(12) + png(RAMP), "16UC1; compressedDepth png", "a_depth", "a 16-bit PNG, got col"),
        (png(RAMP), "png", "a_depth", "takes 16-bit PNG or compressedDepth, got colours"),
    ],
)
def test_what_cannot_be_read_is_named(data, format, view, text):
    with pytest.raises(FrameError, match=text):
        decode(compressed(data, format), view=view)
