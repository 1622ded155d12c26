"""Cameras fill places by name; what is missing is repeated, blank or flagged, never silent."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import frames

from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.adapters.views import MISSING_VIEWS, Slot, ViewSlots, view_slot
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Status
from kibble.rewards.vlm.questions import Failure


def _three(missing: str, **named: str) -> ViewSlots:
    slots = [
        view_slot(name, named.get(name.replace(" ", "_"), ""))
        for name in ("front", "left wrist", "right wrist")
    ]
    return ViewSlots("grm", slots, missing=missing)


def test_the_only_wrist_camera_is_the_left_one() -> None:
    shown = frame_pictures(frames(0.5, views=("front", "wrist")))
    slots = _three("repeat")
    chosen = slots.chosen(shown)
    assert list(chosen) == ["front", "wrist"]
    filled = slots.fill(shown, list(chosen))
    assert filled == (shown["front"], shown["wrist"], shown["front"])


def test_a_named_camera_fills_its_place_and_no_other_does() -> None:
    cameras = ("cam_high", "cam_right", "wrist")
    shown = frame_pictures(frames(0.5, views=cameras))
    slots = _three("blank", front="cam_high", left_wrist="cam_left", right_wrist="cam_right")
    assert slots.views == ("cam_high", "cam_left", "cam_right")
    assert slots.required == ("cam_high",)
    filled = slots.fill(shown, list(slots.chosen(shown)))
    assert not isinstance(filled, Failure)
    assert filled[0] is shown["cam_high"]
    assert not filled[1].pixels.any()
    assert filled[1].pixels.shape == shown["cam_high"].pixels.shape
    assert filled[2] is shown["cam_right"]


def test_two_wrists_go_left_and_right() -> None:
    shown = frame_pictures(frames(0.5, views=("right_wrist", "front", "left_wrist")))
    slots = _three("flag")
    filled = slots.fill(shown, list(slots.chosen(shown)))
    assert filled == (shown["front"], shown["left_wrist"], shown["right_wrist"])


def test_what_is_made_up_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    shown = frame_pictures(frames(0.5))
    slots = _three("repeat")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            slots.fill(shown, ["front"])
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "grm: no camera for the left wrist view (left_wrist, wrist_left, wrist)",
        "grm: no camera for the right wrist view (right_wrist, wrist_right)",
    ]


def test_flagging_names_the_view() -> None:
    shown = frame_pictures(frames(0.5, views=("front", "left_wrist")))
    failure = _three("flag").fill(shown, ["front", "left_wrist"])
    assert isinstance(failure, Failure)
    assert failure.status is Status.MISSING_VIEW
    assert "no camera for the right wrist view" in failure.reason


@pytest.mark.parametrize("missing", MISSING_VIEWS)
def test_a_camera_that_goes_away_is_never_made_up(missing: str) -> None:
    shown = frame_pictures(frames(0.5, views=("front", "right_wrist")))
    failure = _three(missing).fill(shown, ["front", "left_wrist", "right_wrist"])
    assert isinstance(failure, Failure)
    assert failure.status is Status.MISSING_VIEW
    assert "'left_wrist' was there at the episode's start" in failure.reason


def test_a_camera_that_comes_later_is_left_alone() -> None:
    shown = frame_pictures(frames(0.5, views=("front", "left_wrist", "right_wrist")))
    filled = _three("repeat").fill(shown, ["front"])
    assert filled == (shown["front"],) * 3


def test_one_camera_fills_one_place() -> None:
    with pytest.raises(ConfigError, match="'wrist' for left wrist and right wrist"):
        _three("repeat", left_wrist="wrist", right_wrist="wrist")


def test_policies_are_known() -> None:
    with pytest.raises(ConfigError, match="`missing_view` must be one of repeat, blank, flag"):
        ViewSlots("grm", [Slot(name="front", cameras=("front",))], missing="zero")


def test_pictures_of_a_batch_are_those_of_one_frame() -> None:
    two = {"front": np.stack([np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)])}
    assert frame_pictures(two, 1)["front"].pixels.max() == 1
