"""Frames in which there is little to see are said to be so."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.footage.appearance import describe_appearance

RNG = np.random.default_rng(0)
COLOURFUL = RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
GREY = np.repeat(COLOURFUL[..., :1], 3, axis=-1)
BLANK = np.full_like(COLOURFUL, 7)
PARTLY_BLANK = np.concatenate([COLOURFUL, BLANK[:1]])
STILL = np.repeat(COLOURFUL[:1], 3, axis=0)


@pytest.mark.parametrize(
    ("frames", "warnings"),
    [
        (COLOURFUL, []),
        (COLOURFUL[:1], []),
        (GREY, ["View 'front' is grey; colours that the instruction names cannot be seen in it."]),
        (BLANK, ["3 of 3 frames of view 'front' show a single colour."]),
        (PARTLY_BLANK, ["1 of 4 frames of view 'front' show a single colour."]),
        (STILL, ["Nothing moves in view 'front': all 3 frames are the same."]),
    ],
)
def test_what_is_said(frames, warnings) -> None:
    assert describe_appearance("front", frames) == warnings
