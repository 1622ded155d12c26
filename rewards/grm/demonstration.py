"""A demonstration of a new task: labels without a labeller, and copies in other looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.frames import check_frames, resize_frames
from kibble.rewards.grm.augmentation import shifted
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.recolouring import (
    choose_colours,
    colour_words,
    colours_in_frames,
    recolour,
    swap_words,
)
from kibble.rewards.stages import segment, settled_from, stage_progress
from kibble.rewards.types import Frames

__all__ = ["Copy", "Demonstration", "Labels", "copy_demonstration", "label_demonstration"]

LEAST_FRAMES = 4
_MOST_FRAMES = 40  # more of them teach nothing more
_SETTLED = 0.25  # of the largest distance from the last frame
_UNSURE = 3  # frames before the scene has settled of which nobody knows whether they succeed
_SIDES = frozenset(("left", "right", "clockwise", "counterclockwise", "anticlockwise"))
_RECOLOURED = 0.8  # share of copies
_FIRST_VIEW_ALONE = 0.1  # share of copies
_FIXED_SHIFT, _MOVING_SHIFT = 1 / 9, 1 / 48  # of the picture's side, first view and others


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demonstration:
    """A recording that ends in success.

    Args:
        instruction: What is done, in one sentence.
        frames: (T, H, W, 3) uint8 RGB per view, T of 4 or more.
        also: Further sentences that mean the same.

    Raises:
        ConfigError: If a sentence holds no word.
        FrameError: If the frames are not as above.
    """

    instruction: str
    frames: Frames
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for sentence in (self.instruction, *self.also):
            if not any(map(str.isalnum, sentence)):
                raise ConfigError(
                    f"`instruction` must say in words what is done, got {sentence!r}; write one "
                    "sentence such as 'close the red drawer'."
                )
        count = check_frames(self.frames)
        if count < LEAST_FRAMES:
            raise FrameError(
                f"A demonstration must have {LEAST_FRAMES} frames or more, got {count}; record it "
                "from the untouched scene to the finished task."
            )

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences that mean the task."""
        return (self.instruction, *self.also)

    @property
    def speaks_of_sides(self) -> bool:
        """Whether a sentence would be false of the mirrored scene."""
        return any(_SIDES & set(Tokenizer.words(sentence)) for sentence in self.sentences)

    def fitted(self, size: tuple[int, int]) -> Demonstration:
        """The same at another (height, width), thinned to 40 frames if there are more."""
        count = len(next(iter(self.frames.values())))
        kept = np.unique(np.linspace(0, count - 1, min(count, _MOST_FRAMES)).round().astype(int))
        frames = {view: resize_frames(images[kept], size) for view, images in self.frames.items()}
        return Demonstration(instruction=self.instruction, frames=frames, also=self.also)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """What a demonstration is taken to show.

    Args:
        progress: (T,) float32, from 0 to 1 by stages, 1 from where the scene has settled.
        success: (T,) float32, 1 from there on, 0 before, NaN shortly before.
        stages: First frame of each stage.
        settled: First frame of the finished scene.
    """

    progress: NDArray[np.float32]
    success: NDArray[np.float32]
    stages: tuple[int, ...]
    settled: int


def label_demonstration(features: NDArray[np.floating]) -> Labels:
    """Label a demonstration from what its frames look like alone.

    It ends in success by assumption: frames that look like the last one are finished. What comes
    before is cut into stages (:func:`kibble.rewards.stages.segment`), and stages become progress
    (:func:`kibble.rewards.stages.stage_progress`).

    Args:
        features: (T, D), such as the policy embedding of the frames.

    Raises:
        FrameError: If hardly anything happens.
    """
    settled = settled_from(features, share=_SETTLED)
    if settled < LEAST_FRAMES - 1:
        raise FrameError(
            f"A demonstration must show the task being done, got one in which nothing changes "
            f"after frame {settled}; begin with the untouched scene and end with the finished one."
        )
    count = len(features)
    stages = segment(features[: settled + 1], most=4, shortest=3, unexplained=0.1)
    progress, success = np.ones((2, count), np.float32)
    progress[: settled + 1] = stage_progress(stages, settled + 1)
    success[:settled] = 0.0
    success[max(1, settled - _UNSURE) : settled] = np.nan
    return Labels(progress=progress, success=success, stages=stages, settled=settled)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Copy:
    """A demonstration in another look.

    Args:
        frames: (T, H, W, 3) uint8 RGB per view, now and then of the first view alone.
        sentences: What means the task in it.
        colours: Its colours, in the order in which the instruction names them.
        counterfactual: A sentence that asks for something else in the same scene, or ``None``.
        other_colours: The colours of that sentence.
    """

    frames: Frames
    sentences: tuple[str, ...]
    colours: tuple[str, ...]
    counterfactual: str | None
    other_colours: tuple[str, ...]


def copy_demonstration(
    demonstration: Demonstration,
    rng: np.random.Generator,
    *,
    views: Sequence[str],
    recolours: bool = True,
    mirrors: bool = False,
) -> Copy:
    """Make a copy in other colours, shifted, tinted, and mirrored where that is true.

    Args:
        demonstration: The demonstration, at the network's image size.
        rng: Source of every draw.
        views: The network's views; the first is taken to stand still.
        recolours: Whether colours may change, in pictures and sentences together.
        mirrors: Whether left and right may be exchanged, unless a sentence speaks of sides.
    """
    named = colour_words(" ".join(demonstration.sentences))
    own = colour_words(demonstration.instruction)
    seen = colours_in_frames(demonstration.frames) if named else ()
    mapping = {colour: colour for colour in (*named, *seen)}
    frames = demonstration.frames
    if recolours and named and rng.random() < _RECOLOURED:
        mapping = choose_colours(named, seen, rng)
        frames = recolour(frames, mapping)
    flips = mirrors and not demonstration.speaks_of_sides and rng.random() < 0.5
    if views[0] in frames and rng.random() < _FIRST_VIEW_ALONE:
        frames = {views[0]: frames[views[0]]}
    looks = {
        view: _another_look(
            images[:, :, ::-1] if flips else images,
            rng,
            _FIXED_SHIFT if view == views[0] else _MOVING_SHIFT,
        )
        for view, images in frames.items()
    }
    colours = tuple(mapping[colour] for colour in own)
    other = _other_colours(colours, [mapping[c] for c in seen if c not in own], rng)
    sentence = swap_words(demonstration.instruction, mapping)
    return Copy(
        frames=looks,
        sentences=tuple(swap_words(text, mapping) for text in demonstration.sentences),
        colours=colours,
        counterfactual=swap_words(sentence, dict(zip(colours, other, strict=True)))
        if other
        else None,
        other_colours=other,
    )


def _other_colours(
    colours: tuple[str, ...], unnamed: Sequence[str], rng: np.random.Generator
) -> tuple[str, ...]:
    """The colours of another goal in the same scene, or none."""
    if colours and unnamed:
        changed = list(colours)
        changed[int(rng.integers(len(colours)))] = str(rng.choice(list(unnamed)))
        return tuple(changed)
    return colours[1:] + colours[:1] if len(colours) > 1 else ()


def _another_look(
    images: NDArray[np.uint8], rng: np.random.Generator, shift: float
) -> NDArray[np.uint8]:
    """Shift, tint and disturb (T, H, W, 3) images."""
    height, width = images.shape[1:3]
    rows, columns = (
        int(rng.integers(-round(shift * side), round(shift * side) + 1))
        for side in (height, width)
    )
    pixels = shifted(images, rows, columns).astype(np.float32)
    gain = 1.0 + rng.normal(0.0, 0.06) + rng.normal(0.0, 0.03, 3)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(0.0, 5.0))
    pixels = pixels * gain.astype(np.float32) + np.float32(rng.normal(0.0, 5.0)) + noise
    changed: NDArray[np.uint8] = (pixels + 0.5).clip(0.0, 255.0).astype(np.uint8)
    return changed
