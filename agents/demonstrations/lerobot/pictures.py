"""Pictures inside data files: lossless PNG in, any format that Pillow reads out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["decode_picture", "encode_picture"]

_EFFORT = 3  # of zlib; more is hardly smaller for rendered frames


def encode_picture(frame: NDArray[np.uint8]) -> bytes:
    """Return a (H, W, 3) uint8 RGB frame as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="PNG", compress_level=_EFFORT)
    return buffer.getvalue()


def decode_picture(stored: bytes | Path) -> NDArray[np.uint8]:
    """Return a picture as (H, W, 3) uint8 RGB.

    Args:
        stored: The file's bytes, or where it lies.

    Raises:
        OSError: If it is missing or no picture.
    """
    with Image.open(io.BytesIO(stored) if isinstance(stored, bytes) else stored) as picture:
        return np.asarray(picture.convert("RGB"))
