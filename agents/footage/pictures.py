"""Read a folder of pictures as the frames of one episode."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kibble.agents.footage.thinning import ThinnedFrames
from kibble.agents.footage.video import MAX_FRAMES, MAX_SIDE, MIN_SIDE, Video
from kibble.rewards.errors import ConfigError, FrameError

__all__ = ["PICTURES_PER_SECOND", "natural_key", "picture_files", "read_pictures"]

PICTURES_PER_SECOND = 10.0
"""Rate at which pictures count as taken where nobody says."""

_ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})  # what Pillow calls them


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key by which numbers count as numbers.

    >>> sorted(["frame10.png", "frame9.png"], key=natural_key)
    ['frame9.png', 'frame10.png']
    """
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder, in natural order; hidden files do not count."""
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and path.is_file()
    ]
    return sorted(found, key=lambda path: natural_key(path.name))


def read_pictures(
    folder: Path,
    *,
    fps: float | None = None,
    max_frames: int = MAX_FRAMES,
    max_side: int = MAX_SIDE,
) -> Video:
    """Read the pictures of a folder in natural order.

    Rotation marks are applied, palettes and grey become RGB, alpha is composited over black,
    larger pictures are made smaller. Pictures of several sizes do not belong to one episode and
    are refused, as are 16-bit ones, which are mostly depth.

    Args:
        folder: Where they lie, with endings such as ``.png`` and ``.jpg``.
        fps: Pictures per second at which they were taken, ``None`` for 10.
        max_frames: Most pictures to keep besides the last; beyond, every 2nd, 4th, … is kept.
        max_side: Longest side in pixels.

    Returns:
        The pictures as a video.

    Raises:
        FrameError: If there are none, one is damaged, too small, of another size than the first,
            or has more than 8 bits per channel.
        ConfigError: If ``fps`` is out of range.
    """
    rate = PICTURES_PER_SECOND if fps is None else fps
    if not 0.0 < rate <= 1_000.0:
        raise ConfigError(f"`fps` must lie in (0, 1000], got {rate}.")
    files = picture_files(folder)
    if not files:
        raise FrameError(
            f"A folder of pictures must hold some, got '{folder}' with none that ends in "
            f"{', '.join(sorted(_ENDINGS))}; check the path."
        )
    kept = ThinnedFrames(limit=max_frames)
    size: tuple[int, int] | None = None
    transparent = 0
    for number, path in enumerate(files):
        image, has_holes = _open(path)
        transparent += has_holes
        if size is None:
            size = image.size
        if image.size != size:
            raise FrameError(
                f"The pictures of one folder must have one size, got '{files[0].name}' with "
                f"{size[0]} x {size[1]} and '{path.name}' with {image.width} x {image.height} in "
                f"'{folder}'; move what does not belong to the episode elsewhere."
            )
        image.thumbnail((max_side, max_side), Image.Resampling.BOX)
        kept.add(partial(np.asarray, image, np.uint8), number / rate)
    frames, times = kept.finish()
    warnings = []
    if transparent:
        warnings.append(
            f"{transparent} pictures are partly transparent; they were composited over black."
        )
    if len(frames) < len(files):
        warnings.append(
            f"{len(frames)} of {len(files)} pictures were kept, evenly spread; "
            "set max_frames= to keep more."
        )
    assert size is not None
    return Video(
        frames=frames,
        times=times,
        size=(size[1], size[0]),
        seen=len(files),
        warnings=tuple(warnings),
    )


def _open(path: Path) -> tuple[Image.Image, bool]:
    """Return a picture as upright RGB, and whether any of it is transparent."""
    try:
        with Image.open(path) as opened:
            if opened.mode in _DEEP:
                raise FrameError(
                    f"A picture must have 8 bits per channel, got '{path}' in mode "
                    f"{opened.mode}, as depth has; give the camera's colour pictures."
                )
            if min(opened.size) < MIN_SIDE:
                raise FrameError(
                    f"A picture must show at least {MIN_SIDE} x {MIN_SIDE} pixels, got '{path}' "
                    f"with {opened.width} x {opened.height}; there is nothing to see in it."
                )
            opened.load()
            upright = ImageOps.exif_transpose(opened)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise FrameError(
            f"A picture must be a whole file that Pillow can read, got '{path}': {error}; "
            "copy it again, or move it elsewhere."
        ) from error
    if not upright.has_transparency_data:
        return upright.convert("RGB"), False
    layered = upright.convert("RGBA")
    lowest = layered.getchannel("A").getextrema()[0]
    black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layered).convert("RGB"), lowest != 255
