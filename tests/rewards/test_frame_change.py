"""How much a frame changed, from thumbnails."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards.frame_change import frame_change, largest_change, thumbnails


def frames(value: int, *, views: tuple[str, ...] = ("front",), size: int = 96):
    return {view: np.full((1, size, size, 3), value, np.uint8) for view in views}


def test_the_same_frame_has_not_changed():
    assert frame_change(thumbnails(frames(7)), thumbnails(frames(7))) == 0.0


def test_black_to_white_is_the_largest_change_and_the_direction_does_not_matter():
    black, white = thumbnails(frames(0)), thumbnails(frames(255))
    assert frame_change(black, white) == frame_change(white, black) == 1.0


def test_the_view_that_changed_most_counts():
    before = thumbnails(frames(0, views=("front", "wrist")))
    after = thumbnails({**frames(0), "wrist": np.full((1, 96, 96, 3), 51, np.uint8)})
    assert frame_change(before, after) == pytest.approx(0.2)


def test_other_views_and_other_sizes_count_as_changed_altogether():
    assert frame_change(thumbnails(frames(0)), thumbnails(frames(0, views=("wrist",)))) == 1.0
    assert frame_change(thumbnails(frames(0)), thumbnails(frames(0, size=40))) == 1.0


def test_a_thumbnail_is_small_and_does_not_share_memory():
    image = frames(3, size=480)
    small = thumbnails(image)
    assert small["front"].shape == (32, 32, 3)
    image["front"][:] = 9
    assert (small["front"] == 3).all()


def test_the_largest_change_tells_a_thing_that_moved_from_noise():
    rng = np.random.default_rng(0)
    scene = rng.integers(60, 180, (1, 96, 96, 3)).astype(np.uint8)
    noise = np.clip(scene + rng.normal(scale=3.0, size=scene.shape), 0, 255).astype(np.uint8)
    moved = scene.copy()
    moved[:, 40:50, 40:50] = (255, 0, 0)
    was = thumbnails({"front": scene})
    noisy, other = (thumbnails({"front": image}) for image in (noise, moved))
    assert largest_change(was, was) == 0.0
    assert largest_change(was, noisy) < 0.02 < 0.1 < largest_change(was, other)
    assert frame_change(was, other) < 0.02  # the mean would not tell


def test_the_largest_change_of_other_views_is_all():
    assert largest_change(thumbnails(frames(0)), thumbnails(frames(0, views=("wrist",)))) == 1.0
    assert largest_change(thumbnails(frames(0)), thumbnails(frames(0, size=40))) == 1.0
