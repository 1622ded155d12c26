"""One held potential per episode, from one call of the model per step."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reward_models import CentroidModel, FlakyModel, ShortModel, SmoothedModel

from kibble.rewards import Episode, Estimate, Frames, Potential, Status, Task
from kibble.rewards.errors import FrameError, ModelError, ShapingError
from kibble.rewards.smoothing import Ema, RunningMedian

TASK = Task(instruction="move the dot to the right")


def dot(column: int, *, height: int = 8, width: int = 32) -> Frames:
    image = np.zeros((1, height, width, 3), np.uint8)
    image[:, :, column] = 255
    return {"front": image}


def opened(model: CentroidModel, slots: int = 1, **options: object) -> Potential:
    potential = Potential(model, slots=slots, **options)  # type: ignore[arg-type]
    potential.begin({slot: (TASK, dot(0)) for slot in range(slots)})
    return potential


def test_the_start_frame_gives_the_first_potential():
    potential = Potential(CentroidModel(), slots=2)
    assert np.isnan(potential.phi).all()
    potential.begin({1: (TASK, dot(31))})
    np.testing.assert_array_equal(potential.phi, [np.nan, 1.0])
    assert np.isnan(potential.success[1])  # nothing has been read yet, and nothing is made up


def test_all_due_slots_are_read_in_one_call():
    model = CentroidModel()
    potential = opened(model, slots=4)
    potential.update({3: dot(31), 1: dot(15)})
    assert len(model.batches) == 1
    assert model.batches[0]["front"].shape == (2, 8, 32, 3)
    np.testing.assert_allclose(potential.phi, [0.0, 15 / 31, 0.0, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(potential.fresh, [False, True, False, True])


def test_between_queries_the_potential_is_held_and_the_model_left_alone():
    model = CentroidModel()
    potential = opened(model)
    potential.update({0: dot(15)})
    phi = potential.phi.copy()
    for _ in range(3):
        potential.update({})
        np.testing.assert_array_equal(potential.phi, phi)
        assert not potential.fresh.any()
    assert len(model.batches) == 1


@given(st.floats(-10, 10), st.floats(-2, 2))
def test_scale_and_shift(scale, shift):
    potential = opened(CentroidModel(), scale=scale, shift=shift)
    assert potential.phi[0] == scale * shift
    potential.update({0: dot(31)})
    assert potential.phi[0] == scale * (1.0 + shift)
    assert potential.progress[0] == 1.0


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.OK])
def test_a_failed_reading_holds_the_potential_and_is_counted_and_logged(status, caplog):
    potential = opened(FlakyModel([Status.OK, status]))
    potential.update({0: dot(15)})
    held = (potential.phi[0], potential.success[0])
    with caplog.at_level(logging.WARNING):
        potential.update({0: dot(31)})
    assert (potential.phi[0], potential.success[0]) == held
    assert potential.status[0] == status
    assert not potential.fresh[0]
    assert potential.failures[status] == 1
    assert f"{status.name} in slot 0" in caplog.text


def test_a_failed_reading_of_one_slot_does_not_touch_another():
    potential = opened(FlakyModel([Status.OK, Status.TIMEOUT]), slots=2)
    potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_array_equal(potential.phi, [1.0, 0.0])


def test_too_many_failures_stop_the_run():
    model = FlakyModel([Status.OK, Status.PARSE_ERROR])
    potential = opened(model, max_failure_share=0.25, window=8)
    for _ in range(5):
        potential.update({0: dot(3)})
    message = r"'centroid' failed 3 of its last 6 .*PARSE_ERROR.*0\.25 of 8"
    with pytest.raises(ModelError, match=message):
        potential.update({0: dot(3)})


def test_failures_within_the_share_do_not():
    potential = opened(
        FlakyModel([Status.OK] * 3 + [Status.STALE]), max_failure_share=0.25, window=8
    )
    for _ in range(100):
        potential.update({0: dot(3)})
    assert potential.failures[Status.STALE] == 25


def test_repeated_failures_do_not_flood_the_log(caplog):
    potential = opened(FlakyModel([Status.TIMEOUT]), max_failure_share=1.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            potential.update({0: dot(3)})
    assert len(caplog.records) == 7  # at 1, 2, 4, …, 64


def test_an_answer_of_the_wrong_length_names_the_model():
    with pytest.raises(ModelError, match="'centroid' must answer one value per frame, 2, got 1"):
        opened(ShortModel(), slots=2).update({0: dot(3), 1: dot(3)})


def test_a_status_that_does_not_exist_is_refused():
    with pytest.raises(ModelError, match="must answer a `Status`, got 99"):
        opened(FlakyModel([99])).update({0: dot(3)})  # type: ignore[list-item]


def test_frames_are_resized_only_if_needed_and_only_the_models_views_are_passed():
    model = CentroidModel(image_size=(8, 32))
    potential = Potential(model)
    exact = dot(3)
    potential.begin({0: (TASK, {**exact, "extra": exact["front"]})})
    task, frames = model.begun[0]
    assert task is TASK
    assert list(frames) == ["front"]
    assert frames["front"] is exact["front"]
    potential.update({0: dot(6, height=16, width=64)})
    assert model.batches[0]["front"].shape == (1, 8, 32, 3)


def test_an_optional_view_may_be_missing_and_a_required_one_may_not():
    model = CentroidModel(views=("front", "wrist"), required_views=("front",))
    opened(model).update({0: dot(3)})
    strict = CentroidModel(views=("front", "wrist"), required_views=("front", "wrist"))
    with pytest.raises(FrameError, match="View 'wrist' is required"):
        opened(strict)


def test_a_model_that_needs_a_goal_says_so():
    with pytest.raises(ModelError, match="'centroid' needs `goal_frames` in the task"):
        opened(CentroidModel(needs_goal=True))


def test_updating_a_slot_without_an_episode_is_refused():
    with pytest.raises(ShapingError, match="Slot 0 has no open episode"):
        Potential(CentroidModel()).update({0: dot(3)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 0}, "`slots` must be at least 1, got 0"),
        ({"window": 0}, "`window` must be at least 1, got 0"),
        ({"scale": np.nan}, "`scale` must be finite"),
        ({"shift": np.inf}, "`shift` must be finite"),
        ({"max_failure_share": 1.5}, r"`max_failure_share` must lie in \[0, 1\], got 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ShapingError, match=message):
        Potential(CentroidModel(), **options)


def test_a_restored_potential_continues_bit_for_bit():
    """The model's memory decides its answers here, and it writes to it in place."""
    columns = np.random.default_rng(0).integers(0, 32, (20, 2))

    def run(potential: Potential, rows: np.ndarray) -> np.ndarray:
        out = []
        for a, b in rows:
            potential.update({0: dot(a), 1: dot(b)})
            out.append(potential.phi.copy())
        return np.array(out)

    whole = opened(SmoothedModel(), slots=2)
    run(whole, columns[:10])
    state = whole.get_state()
    expected = run(whole, columns[10:])

    for _ in range(2):  # twice from one state: restoring must not share memory with it either
        resumed = Potential(SmoothedModel(), slots=2)
        resumed.set_state(state)
        np.testing.assert_array_equal(run(resumed, columns[10:]), expected)


def test_failures_survive_a_restore():
    first = opened(FlakyModel([Status.STALE]), max_failure_share=0.5, window=4)
    for _ in range(2):
        first.update({0: dot(3)})
    second = Potential(FlakyModel([Status.STALE]), max_failure_share=0.5, window=4)
    second.set_state(first.get_state())
    assert second.failures[Status.STALE] == 2
    with pytest.raises(ModelError, match="failed 3 of its last 3"):
        second.update({0: dot(3)})


def test_a_state_of_another_size_is_refused():
    with pytest.raises(ShapingError, match="has 2 slots and this one 3"):
        Potential(CentroidModel(), slots=3).set_state(opened(CentroidModel(), 2).get_state())


def test_a_potential_held_by_order_keeps_its_value_while_readings_go_on():
    potential = opened(CentroidModel(), slots=2)
    potential.update({0: dot(10), 1: dot(10)})
    potential.held[0] = True
    potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_allclose(potential.phi, [10 / 31, 1.0], rtol=1e-6)
    np.testing.assert_allclose(potential.progress, [10 / 31, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(potential.reading, [1.0, 1.0])
    np.testing.assert_array_equal(potential.success, [1.0, 1.0])  # what is judged stays visible
    np.testing.assert_array_equal(potential.fresh, [False, True])


def test_a_held_potential_is_released_by_order_or_by_the_next_episode():
    potential = opened(CentroidModel(), slots=2)
    potential.held = np.array([True, True])
    potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_array_equal(potential.phi, [0.0, 0.0])
    potential.held[0] = False
    potential.begin({1: (TASK, dot(15))})
    assert not potential.held.any()
    potential.update({0: dot(31)})
    np.testing.assert_allclose(potential.phi, [1.0, 15 / 31], rtol=1e-6)


def test_what_is_held_survives_a_restore():
    first = opened(CentroidModel())
    first.held[0] = True
    first.update({0: dot(31)})
    second = Potential(CentroidModel())
    second.set_state(first.get_state())
    assert second.held[0]
    assert (second.phi[0], second.reading[0]) == (0.0, 1.0)


def test_readings_are_smoothed_before_they_are_scaled():
    smooth = Potential(CentroidModel(), scale=2.0, shift=-1.0, smoothing=Ema(lag=1.0))
    smooth.begin({0: (TASK, dot(0))})
    smooth.update({0: dot(31)})
    assert (smooth.reading[0], smooth.progress[0], smooth.phi[0]) == (1.0, 0.5, -1.0)
    smooth.update({})  # no reading, no step of the filter
    assert smooth.progress[0] == 0.5
    smooth.begin({0: (TASK, dot(31))})  # an episode knows nothing of the one before
    assert smooth.progress[0] == 1.0


def test_a_failed_reading_is_no_step_of_the_smoothing():
    model = FlakyModel([Status.OK, Status.TIMEOUT, Status.OK])
    smooth = opened(model, smoothing=Ema(lag=1.0), max_failure_share=1.0)
    for column in (31, 0, 31):
        smooth.update({0: dot(column)})
    assert smooth.progress[0] == 0.75


def test_a_restored_smoothing_continues_bit_for_bit():
    whole = opened(CentroidModel(), smoothing=RunningMedian(lag=2))
    for column in (31, 3, 17):
        whole.update({0: dot(column)})
    resumed = Potential(CentroidModel(), smoothing=RunningMedian(lag=2))
    resumed.set_state(whole.get_state())
    for column in (9, 30, 2, 5):
        whole.update({0: dot(column)})
        resumed.update({0: dot(column)})
        assert resumed.phi[0] == whole.phi[0]


def test_what_became_of_each_frame_is_said_with_how_much_it_changed():
    potential = opened(FlakyModel([Status.OK, Status.STALE]), slots=3)
    potential.update({0: dot(0), 2: dot(20)})
    still, skipped, failed = potential.readings
    assert still is not None
    assert failed is not None
    assert skipped is None
    assert (still.status, still.progress, still.change) == (Status.OK, 0.0, 0.0)
    assert failed.status is Status.STALE
    assert failed.change == pytest.approx(2 / 32, abs=1e-6)  # two columns of 32 changed
    assert np.isnan(still.disagreement)


def test_the_distance_of_two_readings_of_a_frame_is_passed_on():
    class TwofoldModel(CentroidModel):
        def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
            for episode in episodes:
                episode.memory["disagreement"] = 0.25
            return super().estimate(episodes, frames)

    potential = opened(TwofoldModel())
    potential.update({0: dot(9)})
    assert potential.readings[0] is not None
    assert potential.readings[0].disagreement == 0.25
