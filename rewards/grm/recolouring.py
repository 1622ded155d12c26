"""Colours in pictures and in sentences, changed together.

A demonstration shows one drawer that is red. The same demonstration with everything red made
yellow, under the sentence that says yellow, is as true, and keeps a model from taking the colour
for the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames

__all__ = [
    "COLOURS",
    "choose_colours",
    "colour_words",
    "colours_in_frames",
    "recolour",
    "swap_words",
]

COLOURS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "red": (0.85, 0.07, 0.07),
        "green": (0.05, 0.60, 0.12),
        "blue": (0.07, 0.20, 0.90),
        "yellow": (0.98, 0.88, 0.05),
        "purple": (0.55, 0.10, 0.70),
        "orange": (1.00, 0.46, 0.00),
    }
)
"""Colour word to a typical RGB in [0, 1]; strong colours whose hues lie apart."""

_SATURATION = 0.55  # browns and skin lie below
_VALUE = 0.12
_HUE_SPREAD = 0.06  # of a turn


def colour_words(sentence: str) -> tuple[str, ...]:
    """Return the different colour words of a sentence, in order.

    >>> colour_words("put the red cube on the blue one, the red one")
    ('red', 'blue')
    """
    words = "".join(c if c.isalnum() else " " for c in sentence.lower()).split()
    return tuple(dict.fromkeys(word for word in words if word in COLOURS))


def swap_words(sentence: str, mapping: Mapping[str, str]) -> str:
    """Replace whole words, all at once; the rest stays, in lower case.

    >>> swap_words("Put red on blue.", {"red": "blue", "blue": "red"})
    'put blue on red.'
    """
    pieces: list[str] = []
    word = ""
    for character in (*sentence.lower(), ""):
        if character.isalnum():
            word += character
            continue
        pieces += [mapping.get(word, word), character]
        word = ""
    return "".join(pieces)


def colours_in_frames(frames: Frames, *, share: float = 0.003) -> tuple[str, ...]:
    """Return the colour words whose hue fills at least a share of the pixels, all views together.

    Args:
        frames: (N, H, W, 3) uint8 RGB per view.
        share: Share of all pixels, in [0, 1].
    """
    places = [_nearest(images) for images in frames.values()]
    total = sum(place.size for place in places)
    return tuple(
        name
        for number, name in enumerate(COLOURS)
        if sum(int((place == number).sum()) for place in places) >= max(1.0, share * total)
    )


def recolour(frames: Frames, mapping: Mapping[str, str]) -> Frames:
    """Give everything of some colours other ones; shading stays.

    Args:
        frames: (N, H, W, 3) uint8 RGB per view.
        mapping: Colour word to colour word, both of ``COLOURS``; all are replaced at once.

    Returns:
        New frames.
    """
    names = list(COLOURS)
    changed: dict[str, NDArray[np.uint8]] = {}
    for view, images in frames.items():
        place, out = _nearest(images), images.copy()
        for old, new in mapping.items():
            mask = place == names.index(old)
            shade = images[mask].max(axis=-1, initial=0) / (255.0 * max(COLOURS[old]))
            painted = 255.0 * shade[:, None] * np.asarray(COLOURS[new])
            out[mask] = np.clip(painted + 0.5, 0.0, 255.0).astype(np.uint8)
        changed[view] = out
    return changed


def choose_colours(
    named: Iterable[str], seen: Iterable[str], rng: np.random.Generator
) -> dict[str, str]:
    """Draw new, all different colours for those that are named or seen."""
    old = tuple(dict.fromkeys((*named, *seen)))
    new = rng.permutation(list(COLOURS))[: len(old)]
    return {a: str(b) for a, b in zip(old, new, strict=True)}


def _nearest(images: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Number of the nearest colour of ``COLOURS`` by pixel, (N, H, W), -1 for none."""
    hue, saturation, value = _hsv(images)
    hues = _hsv(np.asarray(list(COLOURS.values()))[None])[0][0]
    apart = np.abs(hue[..., None] - hues.astype(np.float32))
    apart = np.minimum(apart, 1.0 - apart)
    strong = (saturation > _SATURATION) & (value > _VALUE) & (apart.min(axis=-1) < _HUE_SPREAD)
    return np.where(strong, apart.argmin(axis=-1), -1).astype(np.int8)


def _hsv(
    images: NDArray[np.generic],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hue in turns, saturation and value, each without the last axis."""
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    rgb = images.astype(np.float32) / np.float32(scale)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    most, least = rgb.max(axis=-1), rgb.min(axis=-1)
    chroma = np.maximum(most - least, np.float32(1e-6))
    hue = np.where(
        most == red,
        ((green - blue) / chroma) % 6.0,
        np.where(most == green, (blue - red) / chroma + 2.0, (red - green) / chroma + 4.0),
    )
    return hue / 6.0, (most - least) / np.maximum(most, np.float32(1e-6)), most
