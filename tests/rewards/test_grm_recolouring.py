"""Colours changed in pictures and in words."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards.grm.recolouring import (
    COLOURS,
    choose_colours,
    colour_words,
    colours_in_frames,
    recolour,
    swap_words,
)


def patch(colour, shade=1.0):
    """A grey picture with a square of a colour."""
    image = np.full((1, 20, 20, 3), 120, np.uint8)
    image[:, 5:15, 5:15] = np.round(255 * shade * np.asarray(COLOURS[colour]))
    return {"front": image}


@pytest.mark.parametrize("colour", sorted(COLOURS))
@pytest.mark.parametrize("shade", [1.0, 0.6])
def test_each_colour_is_told_from_the_others_in_light_and_shade(colour, shade):
    assert colours_in_frames(patch(colour, shade)) == (colour,)


@pytest.mark.parametrize("shade", [1.0, 0.6])
def test_a_recoloured_picture_is_the_picture_of_that_colour(shade):
    changed = recolour(patch("red", shade), {"red": "blue"})
    np.testing.assert_allclose(
        changed["front"].astype(int), patch("blue", shade)["front"].astype(int), atol=2
    )


def test_two_colours_can_change_places():
    both = patch("red")
    both["front"][:, :3, :3] = patch("green")["front"][:, 5:8, 5:8]
    swapped = recolour(both, {"red": "green", "green": "red"})
    assert set(colours_in_frames(swapped, share=0.01)) == {"red", "green"}
    back = recolour(swapped, {"red": "green", "green": "red"})
    np.testing.assert_allclose(back["front"].astype(int), both["front"].astype(int), atol=2)


def test_brown_and_grey_are_no_colours():
    wood = np.full((1, 8, 8, 3), (115, 87, 64), np.uint8)
    assert colours_in_frames({"front": wood}) == ()
    np.testing.assert_array_equal(recolour({"front": wood}, {"orange": "blue"})["front"], wood)


def test_frames_are_left_alone():
    frames = patch("red")
    copy = frames["front"].copy()
    recolour(frames, {"red": "blue"})
    np.testing.assert_array_equal(frames["front"], copy)


def test_words_change_whole_and_at_once():
    assert swap_words("Red, redder; blue!", {"red": "blue", "blue": "red"}) == "blue, redder; red!"
    assert colour_words("the Blue block on the red-blue pad") == ("blue", "red")


def test_chosen_colours_differ_from_each_other():
    for seed in range(20):
        chosen = choose_colours(["red"], ["blue", "red"], np.random.default_rng(seed))
        assert list(chosen) == ["red", "blue"]
        assert len(set(chosen.values())) == 2
        assert set(chosen.values()) <= set(COLOURS)
