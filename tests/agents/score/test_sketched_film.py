"""Where a model goes by keypoints the film shows them."""

from __future__ import annotations

import numpy as np
from tests.reward_models import CentroidModel
from tests.rewards.keypoints.scripted import SPEC, ScriptedLocator, frames, pushed
from tests.rewards.keypoints.test_sketching import TASK, above

from kibble.agents.footage.footage import Footage
from kibble.agents.score.curves import read_curve
from kibble.agents.score.film import OverlayArtist, draw_strip, sketches_of
from kibble.rewards.cameras.depth_frames import depth_view
from kibble.rewards.keypoints.reward import KeypointReward, PathSettings


def test_curves_keep_what_the_model_went_by_and_films_show_it() -> None:
    rows = pushed()
    count = len(rows)
    footage = Footage(name="push", frames=frames(0, count), times=np.arange(count) * 0.1)
    model = KeypointReward(ScriptedLocator(rows), SPEC, PathSettings(), cameras={"front": above()})
    keypoints = read_curve(model, footage.frames, TASK, label="keypoints")
    other = read_curve(CentroidModel(), footage.frames, TASK, label="other")
    assert (len(keypoints.sketches), other.sketches) == (count, ())
    assert sketches_of([other, keypoints]) == keypoints.sketches
    assert sketches_of([other]) == ()
    plain = draw_strip(footage, 5, height=96)
    drawn = draw_strip(footage, 5, height=96, sketches=keypoints.sketches)
    assert (np.asarray(plain) != np.asarray(drawn)).any()
    without = next(OverlayArtist(footage, "push", [other]).images())
    shown = next(OverlayArtist(footage, "push", [other, keypoints]).images())
    assert shown.shape[0] > without.shape[0] + 26  # a curve more, and the legend
    assert (shown.shape[0] % 2, shown.shape[1] % 2) == (0, 0)


def test_depth_is_not_shown() -> None:
    picture = np.full((1, 8, 8, 3), 90, np.uint8)
    both = Footage(
        name="a", frames={"front": picture, depth_view("front"): picture}, times=np.zeros(1)
    )
    assert draw_strip(both, 0, height=8).width == 8
