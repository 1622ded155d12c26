"""Pictures as data URLs, each encoded once."""

from __future__ import annotations

import base64
import io
import math
import threading
from collections import OrderedDict
from typing import Literal, TypeAlias, final

import PIL.Image

from kibble.rewards.vlm.prompt import Picture

__all__ = ["EncodedPictures", "Form", "bounded_size"]

Form: TypeAlias = Literal["png", "jpeg"]


def bounded_size(height: int, width: int, pixels: tuple[int, int] | None) -> tuple[int, int]:
    """Return the (height, width) nearest to a size, in its proportions, within bounds of pixels.

    >>> bounded_size(480, 640, (12_544, 76_800)), bounded_size(240, 320, (12_544, 76_800))
    ((240, 320), (240, 320))
    """
    if pixels is None:
        return height, width
    least, most = pixels
    area = height * width
    if area > most:
        scale = math.sqrt(most / area)
        return max(1, math.floor(height * scale)), max(1, math.floor(width * scale))
    if area < least:
        scale = math.sqrt(least / area)
        return math.ceil(height * scale), math.ceil(width * scale)
    return height, width


@final
class EncodedPictures:
    """Base64 texts of pictures, the latest kept.

    JPEG has quality 95 and full colour resolution.

    Args:
        megabytes: Of text that is kept; 0 keeps none.
        form: File format of pictures; frames of clips are JPEG.
    """

    def __init__(self, megabytes: int, form: Form = "png") -> None:
        self.form: Form = form
        self._room = megabytes * 2**20
        self._texts: OrderedDict[tuple[bytes, str, tuple[int, int] | None], str] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def base64(self, picture: Picture, form: Form, pixels: tuple[int, int] | None) -> str:
        """Return a picture's file in base64.

        Args:
            picture: What to encode.
            form: Its file format.
            pixels: Least and most pixels, to which it is resized in its proportions.
        """
        key = (picture.key, form, pixels)
        with self._lock:
            known = self._texts.get(key)
            if known is not None:
                self._texts.move_to_end(key)
                return known
        text = _encoded(picture, form, pixels)
        with self._lock:
            if key not in self._texts and len(text) <= self._room:
                self._texts[key] = text
                self._used += len(text)
            while self._used > self._room:
                self._used -= len(self._texts.popitem(last=False)[1])
        return text


def _encoded(picture: Picture, form: Form, pixels: tuple[int, int] | None) -> str:
    image = PIL.Image.fromarray(picture.pixels)
    height, width = bounded_size(picture.pixels.shape[0], picture.pixels.shape[1], pixels)
    if (width, height) != image.size:
        image = image.resize((width, height), PIL.Image.Resampling.BICUBIC)
    file = io.BytesIO()
    if form == "png":
        image.save(file, "PNG", compress_level=1)
    else:
        image.save(file, "JPEG", quality=95, subsampling=0)
    return base64.b64encode(file.getvalue()).decode("ascii")
