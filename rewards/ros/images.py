"""Pixels of ``sensor_msgs/msg/Image`` and ``CompressedImage``, and the way back; no cv_bridge."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX, unpack_depth
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.compressed_images import decode_compressed
from kibble.rewards.ros.image_channels import depth_frame, grey_frame, interleave
from kibble.rewards.ros.transport import Fields

__all__ = ["COMPRESSED_IMAGE", "IMAGE", "decode", "encode", "known_encodings"]

IMAGE = "sensor_msgs/msg/Image"
"""Type of topics with raw images."""
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
"""Type of topics with compressed images."""

# Encoding to the places of red, green and blue among the bytes of a pixel, and how many those are.
# Channels of 8UC3 and 8UC4 have no meaning by ROS; who writes them has OpenCV's blue first.
_COLOURS: Mapping[str, tuple[int, int, int, int]] = MappingProxyType(
    {
        "rgb8": (0, 1, 2, 3),
        "bgr8": (2, 1, 0, 3),
        "rgba8": (0, 1, 2, 4),
        "bgra8": (2, 1, 0, 4),
        "8UC3": (2, 1, 0, 3),
        "8UC4": (2, 1, 0, 4),
        "mono8": (0, 0, 0, 1),
        "8UC1": (0, 0, 0, 1),
    }
)
_DEEP: Mapping[str, str] = MappingProxyType({"mono16": "u2", "16UC1": "u2", "32FC1": "f4"})


def known_encodings(*, depth: bool = False) -> tuple[str, ...]:
    """Return the encodings that :func:`decode` reads for views of colour, or of depth."""
    return tuple(_DEEP) if depth else (*_COLOURS, "mono16")


def decode(message: object, *, view: str = "") -> NDArray[np.uint8]:
    """Decode an image as it was received.

    Padding at the ends of rows and the order of bytes are what the message says. Alpha is dropped,
    grey becomes RGB, 16 bits of grey become 8. Pixels are copied once, so the frame stays good
    when the transport takes the message's memory back.

    A view whose name ends in ``_depth`` gets depth in the frames of
    :mod:`kibble.rewards.cameras.depth_frames`: of ``16UC1`` and ``mono16``, which hold millimetres
    with 0 for no reading, and of ``32FC1``, which holds metres with NaN for none.

    Args:
        message: An Image or a CompressedImage (JPEG, PNG, or depth as image_transport packs it)
            of any transport; ``data`` offers the buffer protocol.
        view: The view's name.

    Returns:
        (H, W, 3) uint8 RGB or packed depth, C-contiguous.

    Raises:
        FrameError: If the encoding is unknown or not the view's kind, or if encoding, size, row
            length and the number of bytes do not fit; the text says what was expected.
    """
    depth = view.endswith(DEPTH_SUFFIX)
    data = _bytes_of(message)
    if hasattr(message, "format"):
        return decode_compressed(data, format=str(message.format), depth=depth)
    encoding, rows, width = _rows(message, data)
    if encoding in _DEEP:
        order = ">" if message.is_bigendian else "<"  # type: ignore[attr-defined]  # an Image
        kind = np.dtype(order + _DEEP[encoding])
        values = rows[:, : width * kind.itemsize].view(kind)  # (H, W)
        if depth:
            return depth_frame(values)
        if encoding == "mono16":
            return grey_frame(values)
        raise FrameError(
            f"Images with encoding {encoding!r} hold depth and belong to a view whose name ends "
            f"in {DEPTH_SUFFIX!r}, got view {view!r}; rename it, or give it the colour topic."
        )
    if depth:
        raise FrameError(
            f"View {view!r} is for depth, encodings {', '.join(_DEEP)}, got {encoding!r}; give it "
            f"the camera's depth topic, or a name without {DEPTH_SUFFIX!r}."
        )
    red, green, blue, channels = _COLOURS[encoding]
    pixels = rows[:, : width * channels].reshape(len(rows), width, channels)
    if encoding == "rgb8":
        return pixels.copy()
    return interleave(pixels[..., red], pixels[..., green], pixels[..., blue])


def encode(
    frame: NDArray[np.uint8], *, stamp: int, frame_id: str = "", encoding: str = "rgb8"
) -> Fields:
    """Make the fields of a ``sensor_msgs/msg/Image``; nothing is copied for ``rgb8``.

    Args:
        frame: (H, W, 3) uint8 RGB, or packed depth.
        stamp: When it was taken, ns since the epoch.
        frame_id: The camera's frame.
        encoding: ``rgb8``, ``bgr8`` or ``mono8`` (weights of ITU-R 601); of packed depth
            ``32FC1`` (m) or ``16UC1`` (mm; what is beyond 65.535 m counts as no reading).

    Returns:
        Fields to publish; ``data`` is a flat uint8 array.

    Raises:
        ConfigError: If the encoding is none of these.
        FrameError: If the frame is not (H, W, 3) uint8.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise FrameError(
            f"A frame must be uint8 of shape (H, W, 3), got {frame.dtype} {frame.shape}."
        )
    pixels: NDArray[np.generic]
    if encoding == "rgb8":
        pixels = frame
    elif encoding == "bgr8":
        pixels = frame[..., ::-1]
    elif encoding == "mono8":
        pixels = np.rint(frame @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    elif encoding == "32FC1":
        pixels = unpack_depth(frame).astype("<f4")
    elif encoding == "16UC1":
        millimetres = np.rint(np.nan_to_num(unpack_depth(frame)) * 1e3)  # 0 is no reading here
        pixels = np.where(millimetres < 2**16, millimetres, 0).astype("<u2")
    else:
        raise ConfigError(
            f"`encoding` must be rgb8, bgr8, mono8, or of depth 32FC1 or 16UC1, got {encoding!r}."
        )
    data = np.ascontiguousarray(pixels).view(np.uint8).reshape(-1)
    height, width = frame.shape[:2]
    return {
        "header": {"stamp": stamp_fields(stamp), "frame_id": frame_id},
        "height": height,
        "width": width,
        "encoding": encoding,
        "is_bigendian": 0,
        "step": data.size // height,
        "data": data,
    }


def _bytes_of(message: object) -> NDArray[np.uint8]:
    data = getattr(message, "data", None)
    try:
        view = memoryview(data)  # type: ignore[arg-type]  # checked right here
    except TypeError as error:
        raise FrameError(
            "An image message must have `data` with the buffer protocol, got "
            f"{type(message).__name__} with {type(data).__name__}; use the type "
            f"{IMAGE} or {COMPRESSED_IMAGE}."
        ) from error
    return np.frombuffer(view, np.uint8) if view.nbytes else np.empty(0, np.uint8)


def _rows(message: object, data: NDArray[np.uint8]) -> tuple[str, NDArray[np.uint8], int]:
    """Return encoding, (H, step) uint8 rows and width of an Image, once it is known to fit."""
    encoding = str(message.encoding)  # type: ignore[attr-defined]  # an Image
    height = int(message.height)  # type: ignore[attr-defined]  # an Image
    width = int(message.width)  # type: ignore[attr-defined]  # an Image
    step = int(message.step)  # type: ignore[attr-defined]  # an Image
    said = f"{encoding} of {width} x {height} pixels"
    if encoding in _COLOURS:
        size = _COLOURS[encoding][3]
    elif encoding in _DEEP:
        size = np.dtype(_DEEP[encoding]).itemsize
    else:
        raise FrameError(
            f"An image's encoding must be one of {', '.join((*_COLOURS, *_DEEP))}, got {said}; "
            "set the camera driver's output to rgb8, or convert it with image_proc."
        )
    if min(height, width) < 1:
        raise FrameError(f"An image must have pixels, got {said}; look at the camera's driver.")
    if step < width * size:
        raise FrameError(
            f"Rows of an image must have at least {width * size} bytes ({said}), got a `step` of "
            f"{step}; the driver's encoding, width or step is wrong."
        )
    if len(data) != step * height:
        raise FrameError(
            f"An image must have {step * height} bytes ({said}, `step` {step}), got {len(data)}; "
            "it is cut off, or the driver's size is wrong."
        )
    return encoding, data.reshape(height, step), width
