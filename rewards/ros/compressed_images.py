"""Pixels of ``sensor_msgs/msg/CompressedImage``: JPEG, PNG, image_transport's depth."""

from __future__ import annotations

import io
import struct
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from kibble.rewards.errors import FrameError
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.image_channels import depth_frame, grey_frame
from kibble.rewards.ros.transport import Fields
from kibble.rewards.service.pictures import encode_picture

__all__ = ["LARGEST_PICTURE", "decode_compressed", "encode_compressed"]

LARGEST_PICTURE = 2**26
"""Most pixels that are decoded; a file of some bytes can claim any size."""

_STARTS = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}
_DEEP_MODES = frozenset({"I", "I;16", "I;16B"})  # what Pillow calls 16 bits of grey
_NOTHING_DEEP = np.empty((0, 0), np.uint16)
_DEPTH_HEADER = struct.Struct("<iff")  # format, and A and B of depth = A / (value - B)


def decode_compressed(
    data: NDArray[np.uint8], *, format: str, depth: bool = False
) -> NDArray[np.uint8]:
    """Decode the bytes of a CompressedImage.

    Args:
        data: (S,) uint8.
        format: As in the message: ``jpeg``, ``png``, ``rgb8; jpeg compressed bgr8``,
            ``16UC1; compressedDepth png`` and their like. JPEG and PNG are told by the data,
            since drivers write all sorts of things here.
        depth: Whether the view is for depth.

    Returns:
        (H, W, 3) uint8 RGB or packed depth, C-contiguous.

    Raises:
        FrameError: If the data is empty, cut off, damaged, of another format or too large, or
            colour where depth is wanted or the other way round.

    Source: compressed_depth_image_transport, ``codec.cpp``, for the header of depth.
    """
    said = f"format {format!r}, {len(data)} bytes"
    if "compressedDepth" not in format:
        colours, deep = _open(data, said)
        if not depth:
            return grey_frame(deep) if colours is None else colours
        if colours is None:
            return depth_frame(deep)
        raise FrameError(
            f"A view for depth takes 16-bit PNG or compressedDepth, got colours ({said}); give it "
            "the camera's depth topic, or a name without '_depth'."
        )
    if not depth:
        raise FrameError(
            f"Depth belongs to a view whose name ends in '_depth', got {said}; rename the view, "
            "or give it the colour topic."
        )
    if len(data) <= _DEPTH_HEADER.size:
        raise FrameError(
            f"Compressed depth must have a header of {_DEPTH_HEADER.size} bytes and a picture, "
            f"got {said}; it is cut off."
        )
    _, scale, offset = _DEPTH_HEADER.unpack_from(data.data)
    colours, values = _open(data[_DEPTH_HEADER.size :], said)
    if colours is not None:
        raise FrameError(f"Compressed depth must hold a 16-bit PNG, got colours ({said}).")
    if not format.startswith("32FC1"):
        return depth_frame(values)
    with np.errstate(divide="ignore"):
        metres = np.float32(scale) / (values.astype(np.float32) - np.float32(offset))
    return depth_frame(np.where(values > 0, metres, np.float32(np.nan)))


def encode_compressed(
    frame: NDArray[np.uint8],
    *,
    stamp: int,
    frame_id: str = "",
    format: Literal["jpeg", "png"] = "jpeg",
    quality: int = 90,
) -> Fields:
    """Make the fields of a ``sensor_msgs/msg/CompressedImage`` of (H, W, 3) uint8 RGB.

    Args:
        frame: The picture.
        stamp: When it was taken, ns since the epoch.
        frame_id: The camera's frame.
        format: ``png`` keeps every pixel.
        quality: Of JPEG, 1 to 100.
    """
    picture = encode_picture(frame, format=format, quality=quality)
    return {
        "header": {"stamp": stamp_fields(stamp), "frame_id": frame_id},
        "format": format,
        "data": np.frombuffer(picture.data, np.uint8),
    }


def _open(
    data: NDArray[np.uint8], said: str
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint16]]:
    """Return (H, W, 3) uint8 RGB, or None and (H, W) uint16 of a grey picture with 16 bits."""
    start = data[:8].tobytes()
    decoder = next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)
    if decoder is None:
        raise FrameError(
            f"A compressed image must be JPEG or PNG, got {said} that begin with "
            f"{start.hex(' ') or 'nothing'}; choose one of them in the camera's driver."
        )
    try:
        with decoder(io.BytesIO(data.data)) as image:
            width, height = image.size
            if width * height > LARGEST_PICTURE:
                raise FrameError(
                    f"A compressed image must have at most {LARGEST_PICTURE} pixels, got "
                    f"{width} x {height} ({said}); lower the camera's resolution."
                )
            if image.mode in _DEEP_MODES:
                return None, np.asarray(image).astype(np.uint16)
            return np.array(image.convert("RGB")), _NOTHING_DEEP
    except FrameError:
        raise
    # what damaged files make Pillow raise, beside OSError which covers cut files
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        raise FrameError(
            f"A compressed image must be a whole file, got {said} that do not decode ({error})."
        ) from error
