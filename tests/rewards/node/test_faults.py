"""What goes wrong with cameras, clocks and models: each is said, survived, and recovered from."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from tests.reward_models import CentroidModel, FlakyModel, NanModel, TroubledModel
from tests.rewards.node.node_rig import NS, START, Rig, image

from kibble.rewards.errors import FrameError, ModelError, ServiceAwayError
from kibble.rewards.node.diagnostics import Level
from kibble.rewards.types import Status


def entry(rig, name):
    return next(entry for entry in rig.node.diagnostics() if entry.name == name)


def test_a_camera_that_is_off_is_said_within_a_period_and_lost_after_the_staleness():
    rig = Rig(staleness=0.35).run()
    held = rig.period(0.5).potential
    messages = [rig.period(views=[]) for _ in range(5)]
    assert [m.status.name for m in messages] == ["STALE"] * 3 + ["MISSING_VIEW"] * 2
    assert {m.potential for m in messages} == {held}
    assert messages[-1].status_text == (
        "No image of view 'front' (/camera/front/image_raw) for 0.5 s: the camera is silent, or "
        "its images are lost on the way (`kibble doctor` looks at receive buffers)."
    )
    assert entry(rig, "camera front").level is Level.ERROR
    assert rig.period(0.7).status is Status.OK
    assert entry(rig, "camera front").level is Level.OK


def test_no_publisher_is_said_with_where_the_node_looks():
    rig = Rig(staleness=0.05).run()
    rig.node.surroundings = lambda: "domain 7, 0 other participants"
    rig.sources["front"].publishers = 0
    text = rig.period(views=[]).status_text
    assert text.endswith("no publisher (domain 7, 0 other participants).")
    rig.sources["front"].mismatch = "a publisher sends sensor_msgs/msg/CompressedImage."
    text = rig.period(views=[]).status_text
    assert text.endswith("s: a publisher sends sensor_msgs/msg/CompressedImage.")


def test_a_second_publisher_holds_the_potential_until_it_has_gone():
    rig = Rig().run()
    held = rig.period(0.5).potential
    rig.sources["front"].publishers = 2
    message = rig.period(0.9)
    assert (message.status, message.potential) == (Status.MISSING_VIEW, held)
    assert message.status_text.startswith(
        "2 publishers of view 'front' (/camera/front/image_raw), whose images would be mixed"
    )
    rig.sources["front"].publishers = 1
    assert rig.period(0.9).status is Status.OK


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"encoding": "yuv422"}, "encoding must be one of rgb8, .*, got yuv422"),
        ({"encoding": "16UC1", "step": 64, "data": np.zeros(512, np.uint8)}, "hold depth"),
        ({"data": np.zeros(8 * 32 * 3 // 2, np.uint8)}, r"768 bytes .*, got 384; it is cut off"),
        ({"data": np.zeros(0, np.uint8)}, r"768 bytes .*, got 0"),
        ({"step": 5}, "at least 96 bytes .*, got a `step` of 5"),
        ({"height": 0, "data": np.zeros(0, np.uint8)}, "must have pixels"),
    ],
)
def test_an_image_that_cannot_be_used_is_said_and_the_next_good_one_is_read(changes, text):
    rig = Rig().run()
    held = rig.period(0.5).potential
    message = rig.period(0.9, **changes)
    assert (message.status, message.potential) == (Status.MISSING_VIEW, held)
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(message.status_text)
    assert entry(rig, "camera front").values["unusable images"] == "1"
    assert rig.period(0.7).status is Status.OK
    assert entry(rig, "camera front").level is Level.OK


def test_a_bad_image_of_the_last_episode_is_not_held_against_the_next():
    rig = Rig().run()
    rig.period(0.5, encoding="yuv422")
    rig.node.end(0)
    rig.period()
    assert rig.period().status is Status.STALE
    rig.node.start()
    assert rig.period().status is Status.OK


def test_a_4k_image_is_read_and_warned_about():
    rig = Rig().run()
    message = rig.period(0.5, size=(2160, 3840))
    assert message.status is Status.OK
    assert message.progress == pytest.approx(0.5, abs=0.02)
    said = entry(rig, "camera front")
    assert said.level is Level.WARN
    assert said.message.startswith("images of 3840x2160 pixels take")


def test_duplicate_and_reordered_stamps_are_dropped_and_counted():
    rig = Rig().run()
    rig.period(0.5)
    stamp = rig.clock.ns
    rig.clock.wait(0.1)
    rig.node.see("front", image(stamp, bright=0.9))
    rig.node.see("front", image(stamp - 1, bright=0.9))
    rig.node.read()
    message = rig.node.tick()
    assert message.status is Status.STALE
    assert message.progress == pytest.approx(0.5, abs=0.02)
    values = entry(rig, "camera front").values
    assert (values["duplicate stamps"], values["reordered stamps"]) == ("1", "1")
    said = entry(rig, "camera front")
    assert said.level is Level.WARN
    assert "1 of the last 3 images had a stamp that was there before" in said.message
    assert "1 of the last 3 images came after later ones" in said.message
    for _ in range(30):
        assert rig.period(0.7).status is Status.OK
    assert "dropped" not in entry(rig, "camera front").message


def test_a_camera_whose_stamps_stand_still_is_said():
    rig = Rig().run()
    held = rig.period(0.5).potential
    stamp = rig.clock.ns
    for _ in range(3):
        rig.clock.wait(0.1)
        rig.node.see("front", image(stamp, bright=0.9))
        rig.node.read()
        message = rig.node.tick()
        assert (message.status, message.potential) == (Status.STALE, held)
    assert message.status_text == (
        "The last 3 images of view 'front' had a stamp that was there before; does its driver's "
        "clock stand still?"
    )
    assert rig.period(0.7).status is Status.OK


def test_a_clock_that_jumps_back_is_said_and_what_was_from_the_future_is_gone(caplog):
    rig = Rig().run()
    held = rig.period(0.5).potential
    rig.clock.wait(0.1)
    rig.see(0.9)
    rig.clock.ns = START - 3600 * NS
    rig.node.read()
    message = rig.node.tick()
    assert (message.status, message.potential) == (Status.STALE, held)
    assert message.status_text == (
        "The clock was set back by 3600.2 s; images from then on are waited for."
    )
    assert message.latency == 0.0
    recovered = rig.period(0.7)
    assert (recovered.status, recovered.stamp) == (Status.OK, rig.clock.ns)
    assert entry(rig, "rewards").values["clock set back"] == "1"
    assert "The clock was set back by 3600.2 s" in caplog.text
    said = entry(rig, "rewards")
    assert (said.level, said.message) == (Level.WARN, "The clock was set back by 3600.2 s.")
    rig.clock.wait(10.0)
    rig.period(0.7)
    assert entry(rig, "rewards").level is Level.OK


def test_a_camera_whose_own_clock_jumps_back_is_stale_until_it_is_in_step():
    rig = Rig().run()
    rig.period(0.5)
    message = rig.period(0.9, age=30.0)
    assert message.status is Status.STALE
    assert "30.00 s old" in message.status_text
    assert "are the clocks of camera and node in step?" in message.status_text
    assert entry(rig, "camera front").values["stamps set back"] == "1"
    ahead = rig.period(0.9, age=-30.0)
    assert ahead.status is Status.STALE
    assert "lies 30.00 s in the future" in ahead.status_text
    assert rig.period(0.7).status is Status.OK


def test_a_clock_that_stands_still_is_said():
    rig = Rig(use_sim_time=True).run()
    rig.period(0.5)
    rig.clock.passed += 1.5
    message = rig.node.tick()
    assert message.status is Status.STALE
    assert message.status_text == "The clock has stood still for 1.5 s; is /clock published?"
    assert rig.period(0.5).status is Status.OK


def test_a_camera_slower_than_it_is_said_to_be_is_warned_about():
    rig = Rig(rate=10.0, deadline=5.0, staleness=5.0).run()
    for _ in range(31):
        rig.clock.wait(0.2)
        rig.see()
    said = entry(rig, "camera front")
    assert said.level is Level.WARN
    assert said.message == (
        "delivers 5.0 Hz where `cameras.front.rate` says 30; `rate`, 10 Hz, is above it"
    )


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ServiceAwayError("The service is away."), Status.MODEL_ERROR, "The service is away."),
        (TimeoutError("too slow"), Status.TIMEOUT, "Too slow."),
        (ModelError("it fell over"), Status.MODEL_ERROR, "It fell over."),
        (FrameError("too large"), Status.MISSING_VIEW, "Too large."),
        (ZeroDivisionError("a mistake"), Status.MODEL_ERROR, "ZeroDivisionError: a mistake."),
    ],
)
def test_what_a_model_raises_is_said_within_a_period_and_it_recovers_by_itself(
    error, status, text, caplog
):
    model = TroubledModel(lambda call: error if 2 <= call <= 200 else None)
    rig = Rig(model).run()
    rig.period(0.5)
    held = rig.period(0.6).potential
    with caplog.at_level(logging.CRITICAL):
        for _ in range(199):  # no share of failures stops a robot's node
            message = rig.period(0.9)
            assert (message.status, message.potential) == (status, held)
            assert message.status_text == text
    assert entry(rig, "reward model").level is Level.ERROR
    assert rig.period(0.7).status is Status.OK
    assert entry(rig, "reward model").level is Level.OK
    assert rig.node.fresh is not None


@pytest.mark.parametrize(
    "error", [ServiceAwayError("away"), TimeoutError("late"), ModelError("no"), OSError("odd")]
)
def test_an_episode_that_cannot_be_opened_is_opened_as_soon_as_it_can(error, caplog):
    model = TroubledModel(lambda call: None)
    model.begin_trouble = error
    rig = Rig(model).run()
    with caplog.at_level(logging.CRITICAL):
        messages = [rig.period(0.5) for _ in range(3)]
    assert all(m.status in (Status.MODEL_ERROR, Status.TIMEOUT) for m in messages)
    assert all(np.isnan(m.progress) for m in messages)
    assert [m.reward for m in messages] == [0.0] * 3
    model.begin_trouble = None
    assert rig.period(0.6).status is Status.OK
    assert rig.period(0.7).success == 0.0


def test_nan_and_statuses_of_the_model_hold():
    rig = Rig(NanModel()).run()
    held = rig.period(0.5).potential
    message = rig.period(0.9)
    assert (message.status, message.potential) == (Status.MODEL_ERROR, held)
    flaky = Rig(FlakyModel([Status.OK, Status.PARSE_ERROR])).run()
    assert [flaky.period(0.5).status for _ in range(5)] == [
        Status.OK,
        Status.OK,
        Status.PARSE_ERROR,
        Status.OK,
        Status.PARSE_ERROR,
    ]


def test_a_model_that_is_replaced_is_stale_until_the_next_episode():
    model = TroubledModel(lambda call: None)
    rig = Rig(model).run()
    rig.period(0.5)
    model.version = "2"
    message = rig.period(0.7)
    assert (message.status, message.model_version) == (Status.STALE, "1")
    assert message.status_text == (
        "Version '2' answers, the episode began with '1'; start the next episode to be read by it."
    )
    rig.node.start()
    message = rig.period(0.7)
    assert (message.status, message.model_version) == (Status.OK, "2")


def test_a_model_that_hangs_is_said_while_it_does():
    rig = Rig(deadline=0.3).run()
    rig.period(0.5)
    said = []

    class Hanging(CentroidModel):
        def estimate(self, episodes, frames):
            for _ in range(5):
                rig.clock.wait(0.1)
                rig.see(0.8)
                said.append(rig.node.tick())
            return super().estimate(episodes, frames)

    rig.model.__class__ = Hanging
    message = rig.period(0.6)
    assert {m.status for m in said} == {Status.STALE}
    assert said[-1].status_text == "The model has been reading the newest frames for 0.5 s."
    assert message.status is Status.STALE
    assert "0.50 s old" in message.status_text
