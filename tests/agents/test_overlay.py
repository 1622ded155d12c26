"""Films of evaluation: what is drawn, and at which size."""

from __future__ import annotations

import gymnasium
import imageio.v3 as iio
import numpy as np
from tests.agents.keypoints.test_sketched import PIXELS, sketch
from tests.reward_models import CentroidModel

import kibble.envs  # noqa: F401  (registers the tabletop suite)
from kibble.agents.overlay import draw_overlay, write_video
from kibble.agents.rollouts import Film, Outcome, play
from kibble.rewards.cameras.depth_frames import depth_view


def film(sketches: list[object], views: tuple[str, ...] = ("front", "wrist")) -> Film:
    picture = np.full((96, 96, 3), 128, np.uint8)
    return Film(
        frames=[dict.fromkeys(views, picture) for _ in range(3)],
        progress=[0.0, 0.5, None],
        true_progress=[0.0, 0.4, 0.8],
        sketches=sketches,  # type: ignore[arg-type]
    )


def outcome(of: Film) -> Outcome:
    return Outcome(seed=0, index=0, instruction="push", success=True, film=of)


def test_keypoints_are_drawn_over_the_views_that_show_them_alone() -> None:
    moved = PIXELS.copy()
    moved[0, 0] += 30
    plain = film([None, None, None])
    marked = film([sketch(), sketch(moved), None])
    before, after = draw_overlay(outcome(plain), plain), draw_overlay(outcome(marked), marked)
    assert (after.shape[1] % 2, after.shape[2] % 2) == (0, 0)
    assert after.shape[1] > before.shape[1]
    half = after.shape[2] // 2
    views = after[:, 30:366]  # below the caption
    for moment in (0, 1):
        assert (views[moment, :, :half] != views[2, :, :half]).mean() > 0.01
        np.testing.assert_array_equal(views[moment, :, half:], views[2, :, half:])
    assert (views[0] != views[1]).any()


def test_depth_is_no_picture() -> None:
    seen = film([None] * 3, ("front", depth_view("front")))
    alone = film([None] * 3, ("front",))
    np.testing.assert_array_equal(
        draw_overlay(outcome(seen), seen), draw_overlay(outcome(alone), alone)
    )


def test_the_film_plays(tmp_path) -> None:
    marked = film([sketch(), sketch(), sketch()])
    write_video(outcome(marked), tmp_path / "film.mp4", frames_per_second=2.0)
    read = iio.imread(tmp_path / "film.mp4", plugin="pyav")
    images = draw_overlay(outcome(marked), marked)
    assert read.shape == (5, *images.shape[1:])  # the last image stays for a second


class Still:
    """Stays where it is."""

    def act(self, observations: list[object]) -> np.ndarray:
        return np.zeros((len(observations), 4), np.float32)


def test_a_film_shows_every_view_that_the_model_reads_once() -> None:
    env = gymnasium.make("kibble/Reach-v0", views=("front",), image_size=(16, 16))
    env = gymnasium.wrappers.TimeLimit(env, 2)
    model = CentroidModel(views=("front", "side"), required_views=("front", "side"))
    (seen,) = play(Still(), [env], [(0, 0)], model=model, film=True)  # type: ignore[list-item]
    (unread,) = play(Still(), [env], [(0, 0)], film=True)  # type: ignore[list-item]
    env.close()
    assert seen.film is not None
    assert unread.film is not None
    assert [tuple(frames) for frames in seen.film.frames] == [("front", "side")] * 3
    assert [tuple(frames) for frames in unread.film.frames] == [("front",)] * 3
    assert seen.film.sketches == [None] * 3
