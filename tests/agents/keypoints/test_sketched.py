"""Films show points, way and trail of a keypoint reward, and say how far it is."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from kibble.agents.keypoints.markers import COLOURS
from kibble.agents.keypoints.sketched import draw_sketch, sketch_legend, sketch_words
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.sketch import Sketch, SketchedView
from kibble.rewards.keypoints.waypoint import Waypoint

WAY = (
    Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, height=0.05),
    Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET),
)
PIXELS = np.array([[10.0, 40.0], [40.0, 60.0], [50.0, 44.0], [80.0, 80.0]])


def sketch(pixels: np.ndarray = PIXELS, **changes: object) -> Sketch:
    seen = SketchedView(
        size=(96, 96),
        pixels=pixels,
        state=np.where(np.isnan(pixels[:, 0]), 2, 0).astype(np.int8),
        places=pixels[[1, 3]],
        tops=np.full((2, 2), np.nan),
    )
    own = {"stage": 0, "distance": 0.123, "unit": "m", "potential": 0.25, "confidence": 0.9}
    return Sketch(views={"front": seen}, waypoints=WAY, **{**own, **changes})  # type: ignore[arg-type]


def grey(height: int = 288) -> Image.Image:
    return Image.new("RGB", (288, height), (128, 128, 128))


def coloured(image: Image.Image, place: tuple[float, float], role: Role, reach: int = 10) -> int:
    u, v = round(place[0]), round(place[1])
    patch = np.asarray(image, int)[max(v - reach, 0) : v + reach, max(u - reach, 0) : u + reach]
    return int((np.abs(patch - COLOURS[role]).max(axis=-1) < 30).sum())


def test_points_are_marked_where_they_are_at_the_pictures_own_scale() -> None:
    drawn = draw_sketch(grey(), "front", [sketch()])
    for row, role in enumerate(Role):
        assert coloured(drawn, (3 * PIXELS[row, 0], 3 * PIXELS[row, 1]), role) > 15


def test_a_view_without_a_sketch_and_a_moment_without_one_stay_as_they_are() -> None:
    image = grey()
    assert draw_sketch(image, "wrist", [sketch()]) is image
    assert draw_sketch(image, "front", [sketch(), None]) is image
    assert draw_sketch(image, "front", []) is image


def test_a_trail_leads_from_where_the_gripper_was() -> None:
    moved = PIXELS.copy()
    moved[0] = [10.0, 12.0]
    between = (30.0, 3 * 26.0)
    alone = draw_sketch(grey(), "front", [sketch(moved)])
    trailed = draw_sketch(grey(), "front", [sketch(), sketch(moved)])
    assert coloured(trailed, between, Role.GRIPPER, 6) > coloured(alone, between, Role.GRIPPER, 6)


def test_a_trail_is_interrupted_where_the_point_was_lost() -> None:
    lost, moved = PIXELS.copy(), PIXELS.copy()
    lost[0] = np.nan
    moved[0] = [10.0, 12.0]
    drawn = draw_sketch(grey(), "front", [sketch(), sketch(lost), sketch(moved)])
    alone = draw_sketch(grey(), "front", [sketch(moved)])
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(alone))


def test_words_say_the_stage_the_distance_and_what_it_is_worth() -> None:
    end = "potential 0.25, confidence 0.90"
    assert sketch_words(sketch()) == f"waypoint 1 of 2: gripper to grasp, 12.3 cm left; {end}"
    assert "function to target, 7.0 px" in sketch_words(sketch(stage=1, distance=7.0, unit="px"))
    assert sketch_words(sketch(stage=2)).startswith("all 2 waypoints reached")
    held = sketch(confidence=0.0, distance=float("nan"))
    assert "points lost: held" in sketch_words(held)
    assert sketch_words(None) == "no keypoints"


def test_the_legend_names_what_is_marked_and_is_missing_where_nothing_is() -> None:
    full = sketch_legend([None, sketch()], 600)
    assert full is not None
    assert (full.width, full.height % 2) == (600, 0)
    few = PIXELS.copy()
    few[1:3] = np.nan
    less = sketch_legend([sketch(few)], 600)
    assert less is not None
    assert (np.asarray(less) != np.asarray(full)).any()
    assert sketch_legend([None], 600) is None
    assert sketch_legend([dataclasses.replace(sketch(), views={})], 600) is None
