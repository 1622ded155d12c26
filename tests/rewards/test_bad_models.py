"""Reward models that fail, are late, answer NaN or change: nothing zeroed, nothing silent."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest
from tests.reward_models import FlakyModel, NanModel, TroubledModel

from kibble.rewards import Frames, Potential, RewardModel, Status, Task
from kibble.rewards.errors import ModelError, OutageError, ServiceAwayError

TASK = Task(instruction="move the dot to the right")


def dot(column: int) -> Frames:
    image = np.zeros((1, 8, 32, 3), np.uint8)
    image[:, :, column] = 255
    return {"front": image}


def opened(model: RewardModel, slots: int = 1, **options: object) -> Potential:
    potential = Potential(model, slots=slots, **options)  # type: ignore[arg-type]
    potential.begin({slot: (TASK, dot(0)) for slot in range(slots)})
    return potential


def feed(potential: Potential, steps: int) -> None:
    for _ in range(steps):
        potential.update({0: dot(3)})


def every(count: int, error: Exception) -> Callable[[int], Exception | None]:
    return lambda call: error if call % count == 0 else None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TimeoutError("no answer within 2 s"), Status.TIMEOUT),
        (ConnectionError("refused"), Status.MODEL_ERROR),
        (ModelError("the answer is no JSON"), Status.MODEL_ERROR),
    ],
)
def test_a_late_or_missing_answer_holds_the_potential_of_its_frames(error, status, caplog):
    potential = opened(TroubledModel(every(2, error)), slots=2)
    potential.update({0: dot(10), 1: dot(20)})
    before = potential.phi.copy()
    with caplog.at_level(logging.WARNING):
        potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_array_equal(potential.phi, before)
    np.testing.assert_array_equal(potential.status, [status, status])
    assert not potential.fresh.any()
    assert potential.failures[status] == 2
    assert str(error) in caplog.text


def test_one_failure_in_a_hundred_never_stops_a_run():
    potential = opened(
        TroubledModel(every(100, TimeoutError("late"))), max_failure_share=0.1, window=100
    )
    read = []
    for step in range(1000):
        potential.update({0: dot(step % 32)})
        read.append(potential.fresh[0])
        if potential.fresh[0]:
            assert potential.phi[0] == pytest.approx((step % 32) / 31, rel=1e-6)
    assert sum(read) == 990
    assert potential.failures[Status.TIMEOUT] == 10


def test_one_failure_in_five_stops_a_run_that_allows_one_in_ten():
    model = TroubledModel(every(5, TimeoutError("late")))
    potential = opened(model, max_failure_share=0.1, window=100)
    with pytest.raises(ModelError, match=r"failed 11 of its last 55 .*'TIMEOUT': 11.*Mend"):
        feed(potential, 1000)
    assert model.calls == 55


def test_one_failure_in_five_is_held_and_goes_on_where_the_share_allows_it():
    potential = opened(
        TroubledModel(every(5, TimeoutError("late"))), max_failure_share=0.25, window=100
    )
    feed(potential, 1000)
    assert potential.failures[Status.TIMEOUT] == 200


def test_a_model_that_always_fails_stops_the_run_at_once():
    model = FlakyModel([Status.MODEL_ERROR])
    potential = opened(model, max_failure_share=0.1, window=100)
    with pytest.raises(ModelError, match="failed 11 of its last 11"):
        feed(potential, 1000)
    assert potential.phi[0] == 0.0  # still the start frame's


def test_nan_is_a_failed_reading_whose_reason_is_logged(caplog):
    potential = opened(NanModel(), max_failure_share=0.1, window=100)
    with caplog.at_level(logging.WARNING):
        potential.update({0: dot(31)})
    assert potential.phi[0] == 0.0
    assert potential.status[0] == Status.MODEL_ERROR
    assert "`progress` must lie in [0, 1] where status is OK, got nan" in caplog.text


def test_an_error_of_the_model_itself_comes_out_as_it_is_and_names_the_model():
    potential = opened(TroubledModel(every(1, KeyError("weights"))))
    with pytest.raises(KeyError) as caught:
        potential.update({0: dot(3)})
    assert "Reward model 'centroid' (version '1') raised this. Mend the model" in str(
        caught.value.__notes__
    )


def test_a_patient_potential_keeps_an_error_until_it_is_asked():
    model = TroubledModel(lambda call: KeyError("weights") if call >= 2 else None)
    potential = opened(model, slots=2, patient=True)
    potential.update({0: dot(10), 1: dot(20)})
    before = potential.phi.copy()
    for _ in range(5):
        potential.update({0: dot(31), 1: dot(31)})
        np.testing.assert_array_equal(potential.phi, before)
        np.testing.assert_array_equal(potential.status, [Status.MODEL_ERROR] * 2)
    potential.begin({0: (TASK, dot(5))})
    assert potential.phi[0] == before[0]  # nothing is made up for the new episode
    assert (model.calls, model.begins) == (2, 2)  # and the broken model is left alone
    with pytest.raises(KeyError, match="weights"):
        potential.check()


def test_a_patient_potential_reports_too_many_failures_when_it_is_asked():
    potential = opened(FlakyModel([Status.TIMEOUT]), max_failure_share=0.1, patient=True)
    for _ in range(10):
        potential.update({0: dot(3)})
    potential.check()
    potential.update({0: dot(3)})
    with pytest.raises(ModelError, match="failed 11 of its last 11"):
        potential.check()


@pytest.mark.parametrize(
    ("error", "status"),
    [(TimeoutError("late"), Status.TIMEOUT), (ModelError("NaN"), Status.MODEL_ERROR)],
)
def test_an_episode_that_cannot_be_opened_keeps_the_last_potential_to_its_end(error, status):
    model = TroubledModel(lambda call: None)
    potential = opened(model)
    potential.update({0: dot(20)})
    held = potential.phi[0]
    model.begin_trouble = error
    potential.begin({0: (TASK, dot(0))})
    for _ in range(3):
        assert (potential.phi[0], potential.status[0]) == (held, status)
        assert np.isnan(potential.success[0])
        potential.update({0: dot(31)})
    assert model.calls == 1
    assert potential.failures[status] == 4  # the opening and three frames
    model.begin_trouble = None
    potential.begin({0: (TASK, dot(5))})
    assert potential.phi[0] == pytest.approx(5 / 31, rel=1e-6)


def test_a_first_episode_that_cannot_be_opened_is_an_error():
    model = TroubledModel(lambda call: None)
    model.begin_trouble = TimeoutError("no answer within 2 s")
    with pytest.raises(ModelError, match=r"could not open the first episode of slot 0 \(TIMEOUT"):
        opened(model, patient=True)


def test_a_new_version_reads_from_the_next_episode_on():
    """An episode is read by one version: its potential is held to its end, not mixed."""
    model = TroubledModel(lambda call: None)
    potential = opened(model, slots=2, max_failure_share=0.0)
    potential.update({0: dot(10), 1: dot(20)})
    before = potential.phi.copy()
    model.version = "2"
    potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_array_equal(potential.phi, before)
    np.testing.assert_array_equal(potential.status, [Status.STALE] * 2)
    potential.begin({0: (TASK, dot(5))})
    assert list(potential.versions) == ["2", "1"]
    potential.update({0: dot(31), 1: dot(31)})
    np.testing.assert_array_equal(potential.phi, [1.0, before[1]])
    assert potential.failures[Status.STALE] == 3  # counted, and no reason to stop
    assert potential.get_state()["reader"]["versions"] == ["2", "1"]


def test_a_version_that_changes_while_it_answers_is_not_mixed_in():
    model = TroubledModel(lambda call: None)
    potential = opened(model)

    def change(call: int) -> None:
        model.version = "2"

    model.trouble = change
    potential.update({0: dot(31)})
    assert (potential.phi[0], potential.status[0]) == (0.0, Status.STALE)


def test_two_versions_that_answer_in_turn_are_an_error():
    model = TroubledModel(lambda call: None)
    potential = opened(model)
    for version in ("2", "1"):
        model.version = version
        if version == "2":
            potential.update({0: dot(3)})
        else:
            with pytest.raises(ModelError, match=r"'1' again after another; .* pin one"):
                potential.update({0: dot(3)})


def test_a_restored_episode_of_another_version_is_held_too():
    potential = opened(TroubledModel(lambda call: None))
    state = potential.get_state()
    model = TroubledModel(lambda call: None)
    model.version = "2"
    resumed = Potential(model)
    resumed.set_state(state)
    resumed.update({0: dot(31)})
    assert (resumed.phi[0], resumed.status[0]) == (0.0, Status.STALE)


def test_an_unopened_episode_survives_a_restore():
    model = TroubledModel(lambda call: None)
    potential = opened(model)
    potential.update({0: dot(20)})
    model.begin_trouble = TimeoutError("late")
    potential.begin({0: (TASK, dot(0))})
    resumed = Potential(TroubledModel(lambda call: None))
    resumed.set_state(potential.get_state())
    resumed.update({0: dot(31)})
    assert resumed.status[0] == Status.TIMEOUT
    assert resumed.phi[0] == potential.phi[0]


def away(message: str = "refused") -> ServiceAwayError:
    return ServiceAwayError(message)


def test_a_service_that_is_away_is_counted_and_does_not_use_up_the_share():
    model = TroubledModel(lambda call: away() if 10 < call <= 510 else None)
    potential = opened(model, max_failure_share=0.1, window=100)
    feed(potential, 600)
    assert potential.failures[Status.MODEL_ERROR] == 500
    assert potential.status[0] == Status.OK


def test_an_episode_that_could_not_be_opened_for_an_outage_is_opened_when_it_is_over():
    model = TroubledModel(lambda call: None)
    potential = opened(model)
    potential.update({0: dot(20)})
    held = potential.phi.copy()
    model.begin_trouble = away()
    potential.begin({0: (TASK, dot(5))})
    potential.update({0: dot(6)})
    np.testing.assert_array_equal(potential.phi, held)
    potential.set_state(potential.get_state())  # a run may be stopped meanwhile
    model.begin_trouble = None
    potential.update({0: dot(31)})
    assert potential.phi[0] == pytest.approx(1.0)
    np.testing.assert_array_equal(model.model.begun[-1][1]["front"], dot(5)["front"])


def test_an_outage_that_lasts_too_long_comes_out_as_it_is():
    potential = opened(TroubledModel(every(1, OutageError("away for 601 s"))), patient=True)
    potential.update({0: dot(31)})
    with pytest.raises(OutageError, match="away for 601 s"):
        potential.check()
    assert potential.phi[0] == 0.0
