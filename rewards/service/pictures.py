"""Pictures as they travel: raw, PNG or JPEG bytes of which the size is known before decoding."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from kibble.rewards.errors import ConfigError
from kibble.rewards.service.failures import Code, ServiceError

__all__ = [
    "EncodedPicture",
    "PictureFormat",
    "decode_picture",
    "encode_picture",
    "known_format",
]

PictureFormat: TypeAlias = Literal["raw", "png", "jpeg"]
"""``raw`` is RGB rows as they lie in memory; ``png`` is exact too; ``jpeg`` is lossy."""

# One decoder each; `Image.open` guesses, and warns of sizes that are checked here anyway.
_DECODERS = {"png": PngImageFile, "jpeg": JpegImageFile}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedPicture:
    """One picture as it travels.

    Args:
        format: How ``data`` is to be read.
        height: In pixels, as the sender says; checked against the data.
        width: In pixels, likewise.
        data: The bytes.
    """

    format: PictureFormat
    height: int
    width: int
    data: bytes | memoryview


def encode_picture(
    pixels: NDArray[np.uint8], *, format: PictureFormat = "raw", quality: int = 95
) -> EncodedPicture:
    """Encode one (H, W, 3) uint8 RGB picture.

    Args:
        pixels: The picture.
        format: ``raw`` and ``png`` keep every pixel.
        quality: Of JPEG, 1 to 100.

    Raises:
        ConfigError: If the format is not known.

    >>> encode_picture(np.zeros((2, 3, 3), np.uint8)).data.nbytes
    18
    """
    height, width = pixels.shape[:2]
    data: bytes | memoryview
    if format == "raw":
        data = np.ascontiguousarray(pixels).data.cast("B")
    elif format in _DECODERS:
        target = io.BytesIO()
        if format == "jpeg":
            Image.fromarray(pixels).save(target, format="JPEG", quality=quality)
        else:
            Image.fromarray(pixels).save(target, format="PNG", compress_level=1)
        data = target.getvalue()
    else:
        raise ConfigError(
            f"`format` must be one of {', '.join(get_args(PictureFormat))}, got {format!r}."
        )
    return EncodedPicture(format=format, height=height, width=width, data=data)


def decode_picture(picture: EncodedPicture) -> NDArray[np.uint8]:
    """Decode one picture to (H, W, 3) uint8 RGB; raw ones are not copied and are read-only.

    The size in the file's own header is compared with what the sender says, which the service has
    compared with its limit, before a single pixel is decoded. Files with more than 8 bits per
    channel or with palettes are converted; alpha is dropped.

    Raises:
        ServiceError: ``bad_picture`` if the bytes are damaged, cut, of another format, or of
            another size than said.
    """
    said = f"{picture.height} x {picture.width} {picture.format}"
    if picture.format == "raw":
        needed = picture.height * picture.width * 3
        if len(picture.data) != needed:
            raise ServiceError(
                Code.BAD_PICTURE,
                f"A picture said to be {said} must have {needed} bytes, got {len(picture.data)}; "
                "send rows of RGB, uint8, without padding.",
            )
        flat = np.frombuffer(picture.data, np.uint8)
        return flat.reshape(picture.height, picture.width, 3)
    try:
        with _DECODERS[picture.format](io.BytesIO(picture.data)) as image:
            width, height = image.size
            if (height, width) != (picture.height, picture.width):
                raise ServiceError(
                    Code.BAD_PICTURE,
                    f"A picture said to be {said} must be that, got {height} x {width} inside; "
                    "send the file's own size.",
                )
            return np.asarray(image.convert("RGB"))
    except ServiceError:
        raise
    # what damaged files make Pillow raise, beside OSError which covers unknown and cut files
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        raise ServiceError(
            Code.BAD_PICTURE,
            f"A picture said to be {said} must decode, got {len(picture.data)} bytes that do not "
            f"({error}); send the whole file, of the format that is named.",
        ) from error


def known_format(name: object) -> PictureFormat | None:
    """Return the format of that name, or None."""
    return cast("PictureFormat", name) if name in get_args(PictureFormat) else None
