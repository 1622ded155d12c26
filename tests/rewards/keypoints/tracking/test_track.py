"""What one more look changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracking.track import Sighting, Track, advance, chosen
from kibble.rewards.keypoints.tracks import TrackState

SETTINGS = TrackingSettings(believe=0.5, jump=0.1, confirm=3, patience=2, fade=0.5)
WIDTH = 100
SEEN, OCCLUDED, LOST = TrackState.SEEN, TrackState.OCCLUDED, TrackState.LOST


def track(
    pixel: tuple[float, float] = (50.0, 50.0), *, state: TrackState = SEEN, wanted: bool = True
) -> Track:
    at = np.array([pixel], np.float32)
    return Track(
        pixels=at,
        state=np.array([state], np.int8),
        confidence=np.array([0.0 if state == LOST else 0.8], np.float32),
        misses=np.zeros(1, np.int32),
        rumour=at,
        agreed=np.zeros(1, np.int32),
        depth=np.full(1, np.nan, np.float32),
        seen_at=at,
        wanted=np.array([wanted]),
    )


def look(
    before: Track, u: float, v: float, *, confidence: float = 0.9, visible: float = 0.9
) -> Track:
    sighting = Sighting(
        pixels=np.array([[u, v]], np.float32),
        confidence=np.array([confidence], np.float32),
        visible=np.array([visible], np.float32),
    )
    return advance(before, sighting, settings=SETTINGS, width=WIDTH)


def test_a_believed_sighting_within_reach_moves_the_point() -> None:
    after = look(track(), 55.0, 50.0)
    np.testing.assert_array_equal(after.pixels, [[55.0, 50.0]])
    assert after.state == SEEN
    assert after.confidence == pytest.approx(0.9)


def test_a_hidden_sighting_moves_an_occluded_point() -> None:
    after = look(track(), 55.0, 50.0, visible=0.1)
    np.testing.assert_array_equal(after.pixels, [[55.0, 50.0]])
    assert after.state == OCCLUDED


def test_between_seen_and_occluded_there_is_hysteresis() -> None:
    assert look(track(), 50.0, 50.0, visible=0.6).state == SEEN
    assert look(track(), 50.0, 50.0, visible=0.5).state == OCCLUDED
    assert look(track(state=OCCLUDED), 50.0, 50.0, visible=0.7).state == OCCLUDED
    assert look(track(state=OCCLUDED), 50.0, 50.0, visible=0.8).state == SEEN


def test_a_jump_is_believed_when_it_was_found_there_often_enough() -> None:
    after = track()
    for expected in (50.0, 50.0, 90.0):
        after = look(after, 90.0, 50.0)
        assert after.pixels[0, 0] == expected
    assert after.state == SEEN
    assert after.misses == 0


def test_the_reach_grows_while_a_point_is_not_found() -> None:
    missed = look(track(), 50.0, 50.0, confidence=0.1)
    np.testing.assert_array_equal(look(track(), 63.0, 50.0).pixels, [[50.0, 50.0]])
    np.testing.assert_array_equal(look(missed, 63.0, 50.0).pixels, [[63.0, 50.0]])


def test_jumps_to_different_places_are_never_believed() -> None:
    after = track()
    for u in (90.0, 10.0, 90.0, 10.0, 90.0, 10.0):
        after = look(after, u, 50.0)
    np.testing.assert_array_equal(after.pixels, [[50.0, 50.0]])
    assert after.state == LOST


def test_without_a_sign_the_point_is_occluded_and_then_lost() -> None:
    after = track()
    states, confidences = [], []
    for _ in range(3):
        after = look(after, 50.0, 50.0, confidence=0.2)
        states.append(after.state[0])
        confidences.append(float(after.confidence[0]))
    assert states == [OCCLUDED, OCCLUDED, LOST]
    assert confidences == pytest.approx([0.4, 0.2, 0.0])


def test_a_lost_point_is_found_again_after_agreeing_sightings() -> None:
    after = track(state=LOST)
    states = []
    for _ in range(3):
        after = look(after, 20.0, 20.0)
        states.append(after.state[0])
    assert states == [LOST, LOST, SEEN]
    np.testing.assert_array_equal(after.pixels, [[20.0, 20.0]])


def test_a_miss_between_breaks_the_agreement() -> None:
    after = track(state=LOST)
    for confidence in (0.9, 0.9, 0.1, 0.9, 0.9):
        after = look(after, 20.0, 20.0, confidence=confidence)
    assert after.state == LOST


def test_a_point_that_was_not_proposed_stays_lost() -> None:
    after = track(state=LOST, wanted=False)
    for _ in range(5):
        after = look(after, 50.0, 50.0)
    assert after.state == LOST
    assert after.confidence == 0


def test_a_sighting_that_is_not_finite_is_none() -> None:
    after = look(track(), np.nan, 50.0)
    np.testing.assert_array_equal(after.pixels, [[50.0, 50.0]])
    assert after.state == OCCLUDED


numbers = hnp.arrays(np.float32, (6,), elements=st.floats(0, 1, width=32))


@given(
    pixels=hnp.arrays(np.float32, (6, 2), elements=st.floats(-20, 120, width=32)),
    confidence=numbers,
    visible=numbers,
)
def test_states_and_confidences_fit_whatever_is_seen(
    pixels: np.ndarray, confidence: np.ndarray, visible: np.ndarray
) -> None:
    after = track()
    for at, sure, sight in zip(pixels, confidence, visible, strict=True):
        before = after
        after = look(before, *at, confidence=sure, visible=sight)
        assert np.isfinite(after.pixels).all()
        assert 0 <= after.confidence[0] <= 1
        assert (after.confidence[0] == 0) or after.state[0] != LOST
        if after.state[0] == SEEN:
            assert sure >= SETTINGS.believe
            np.testing.assert_array_equal(after.pixels[0], at)
        if before.state[0] == LOST and after.state[0] != LOST:
            assert before.agreed[0] == SETTINGS.confirm - 1


def test_a_choice_takes_whole_points() -> None:
    one, other = track((1.0, 2.0)), track((3.0, 4.0), state=LOST)
    np.testing.assert_array_equal(chosen(np.array([True]), one, other).pixels, [[1.0, 2.0]])
    assert chosen(np.array([False]), one, other).state == LOST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("believe", 0.0),
        ("jump", 1.5),
        ("confirm", 0),
        ("patience", -1),
        ("fade", 1.0),
        ("every", 0),
        ("depth_tolerance", 0.0),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` of a tracker must"):
        TrackingSettings(**{name: value})  # type: ignore[arg-type]  # integers are floats too
