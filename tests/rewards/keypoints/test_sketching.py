"""A keypoint reward shows where its points are, through cameras or in its own picture."""

from __future__ import annotations

import numpy as np
import pytest
from tests.reward_models import CentroidModel
from tests.rewards.keypoints.scripted import PUSH, SPEC, ScriptedLocator, frames, pushed, reward

from kibble.rewards import Task
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.causal import read_causally
from kibble.rewards.combination import CombinedModel
from kibble.rewards.keypoints.reward import KeypointReward, PathSettings
from kibble.rewards.keypoints.sketch import Sketches
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.potential import Potential

TASK = Task(instruction="push the red cube onto the green pad")


def above() -> Camera:
    """Looks down from 1 m above (0.4, 0): u grows along x, v against y, 100 px/m on the table."""
    rotation = np.diag([1.0, -1.0, -1.0, 1.0])
    rotation[:3, 3] = rotation[:3, :3] @ -np.array([0.4, 0.0, 1.0])
    intrinsics = np.array([[100.0, 0.0, 32.0], [0.0, 100.0, 24.0], [0.0, 0.0, 1.0]])
    return Camera(intrinsics=intrinsics, extrinsics=rotation, width=64, height=48)


def in_space(rows: np.ndarray) -> KeypointReward:
    return KeypointReward(ScriptedLocator(rows), SPEC, PathSettings(), cameras={"top": above()})


def test_points_and_way_are_projected_into_calibrated_views() -> None:
    rows = pushed()
    model = in_space(rows)
    episode = model.begin(TASK, frames(0))
    sketch = model.sketch(episode)
    assert sketch is not None
    (seen,) = sketch.views.values()
    assert (list(sketch.views), seen.size) == (["top"], (48, 64))
    np.testing.assert_allclose(seen.pixels, above().project(rows[0]))
    grasp, target = rows[0, 1], rows[0, 3]
    up = np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(seen.places, above().project(np.array([grasp, grasp, target])))
    tops = np.array([grasp + 0.06 * up, grasp, target + 0.05 * up])
    np.testing.assert_allclose(seen.tops, above().project(tops))
    assert (sketch.waypoints, sketch.stage, sketch.unit) == (PUSH, 0, "m")
    assert sketch.distance == pytest.approx(np.linalg.norm(rows[0, 0] - grasp - 0.06 * up))
    assert (sketch.potential, sketch.confidence) == (episode.progress, pytest.approx(0.9))


def test_the_stage_moves_on_and_everything_reached_is_one_more_than_the_last() -> None:
    rows = pushed()
    model = in_space(rows)
    episode = model.begin(TASK, frames(0))
    stages = []
    for row in range(1, len(rows)):
        model.estimate([episode], frames(row))
        sketch = model.sketch(episode)
        assert sketch is not None
        stages.append(sketch.stage)
    assert stages == sorted(stages)
    assert set(stages) == {0, 1, 2, 3}


def test_a_lost_point_is_nowhere_and_the_confidence_0() -> None:
    rows = pushed()
    rows[3, 0] = np.nan
    model = in_space(rows)
    episode = model.begin(TASK, frames(0))
    model.estimate([episode], frames(3))
    sketch = model.sketch(episode)
    assert sketch is not None
    assert np.isnan(sketch.views["top"].pixels[0]).all()
    assert np.isfinite(sketch.views["top"].pixels[1:]).all()
    assert (np.isnan(sketch.distance), sketch.confidence) == (True, 0.0)


def test_a_variant_of_pictures_shows_its_own_view_without_heights() -> None:
    rows = pushed()
    pixels = (rows[:, :, :2] - [0.2, -0.2]) * [16 / 0.5, 12 / 0.4]
    model = reward(ScriptedLocator(pixels), variant=Variant.PIXEL, view="front")
    sketch = model.sketch(model.begin(TASK, frames(0)))
    assert sketch is not None
    seen = sketch.views["front"]
    assert (seen.size, sketch.unit, len(sketch.waypoints)) == ((12, 16), "px", 2)
    np.testing.assert_allclose(seen.pixels, pixels[0])
    assert np.isnan(seen.tops).all()


def test_a_combination_shows_what_its_member_goes_by() -> None:
    rows = pushed()
    own = in_space(rows)
    both = CombinedModel([CentroidModel(), own], "weighted")
    episode = both.begin(TASK, frames(0))
    both.estimate([episode], frames(5))
    alone = own.begin(TASK, frames(0))
    own.estimate([alone], frames(5))
    combined, single = both.sketch(episode), own.sketch(alone)
    assert combined is not None
    assert single is not None
    np.testing.assert_array_equal(combined.views["top"].pixels, single.views["top"].pixels)
    assert combined.distance == single.distance
    other = CombinedModel([CentroidModel(), CentroidModel()])
    assert other.sketch(other.begin(TASK, frames(0))) is None


def test_a_potential_shows_the_episode_of_a_slot() -> None:
    rows = pushed()
    potential = Potential(in_space(rows), slots=2)
    assert potential.sketch(1) is None
    potential.begin({1: (TASK, frames(4))})
    sketch = potential.sketch(1)
    assert sketch is not None
    np.testing.assert_allclose(sketch.views["top"].pixels, above().project(rows[4]))
    assert potential.sketch(0) is None
    silent = Potential(CentroidModel())
    silent.begin({0: (TASK, frames(0))})
    assert silent.sketch(0) is None


def test_reading_a_video_shows_every_frame() -> None:
    rows = pushed()
    model = in_space(rows)
    assert isinstance(model, Sketches)
    found: list[tuple[int, int]] = []
    read_causally(
        model,
        [(TASK, frames(0, len(rows)))],
        on_sketch=lambda video, sketch: found.append((video, sketch.stage if sketch else -1)),
    )
    assert [video for video, _ in found] == [0] * len(rows)
    assert (found[0][1], found[-1][1]) == (0, 3)
    read_causally(CentroidModel(), [(TASK, frames(0, 3))], on_sketch=lambda *_: found.clear())
    assert found
