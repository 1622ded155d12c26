"""Whole episodes through every tracker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.rewards.keypoints.tracking.moving_square import (
    TARGET,
    ScriptedDetector,
    picture,
    proposal,
)

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.memory import tracks_of
from kibble.rewards.keypoints.tracking.opening import TRACKERS, open_tracker
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracks import Tracker, Tracks, TrackState

FUNCTION, GRASP = ROLES.index(Role.FUNCTION), ROLES.index(Role.GRASP)
SEEN, OCCLUDED, LOST = TrackState.SEEN, TrackState.OCCLUDED, TrackState.LOST
WAY = [(30.5 + 4 * step, 40.5) for step in range(10)]
SETTINGS = TrackingSettings(confirm=2, patience=3)


def told(tracks: Tracks, role: int = FUNCTION) -> tuple[NDArray[np.float32], int, float]:
    """Pixel, state and confidence of a role in the first episode."""
    return (
        tracks.pixels["front"][0, role],
        int(tracks.state["front"][0, role]),
        float(tracks.confidence["front"][0, role]),
    )


def script(way: Sequence[tuple[float, float]]) -> ScriptedDetector:
    return ScriptedDetector([(u, v, 0.9, 0.9) for u, v in way])


def opened(name: str, detector: ScriptedDetector, **settings: int) -> Tracker:
    values = {"confirm": 2, "patience": 3, **settings}
    return open_tracker(name, detector, settings=TrackingSettings(**values))


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize("depth", [False, True])
def test_a_moving_square_is_followed_all_the_way(name: str, depth: bool) -> None:
    tracker = opened(name, script(WAY[1:]))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0], depth=depth))
    for at in WAY[1:]:
        tracks = tracker.update([memory], picture(at, depth=depth))
        pixel, state, confidence = told(tracks)
        np.testing.assert_allclose(pixel, at, atol=1.0)
        assert state == SEEN
        assert confidence > 0.5
        np.testing.assert_allclose(told(tracks, ROLES.index(Role.TARGET))[0], TARGET, atol=0.01)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_role_without_a_proposal_stays_lost(name: str) -> None:
    tracker = opened(name, script(WAY[1:]))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    for at in WAY[1:]:
        _, state, confidence = told(tracker.update([memory], picture(at)), GRASP)
        assert (state, confidence) == (LOST, 0.0)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_batch_is_as_its_episodes_one_by_one(name: str) -> None:
    back = WAY[::-1]
    first, second = picture(WAY[0]), picture(back[0])
    together = opened(name, _Both(WAY[1:], back[1:]))
    memories = [
        together.begin("push", proposal(WAY[0]), first),
        together.begin("push", proposal(back[0]), second),
    ]
    alone = [opened(name, script(WAY[1:])), opened(name, script(back[1:]))]
    own = [
        alone[0].begin("push", proposal(WAY[0]), first),
        alone[1].begin("push", proposal(back[0]), second),
    ]
    for one, other in zip(WAY[1:], back[1:], strict=True):
        pictures = [picture(one), picture(other)]
        both = {"front": np.concatenate([each["front"] for each in pictures])}
        tracks = together.update(memories, both)
        for index in range(2):
            single = alone[index].update([own[index]], pictures[index])
            for part in ("pixels", "state", "confidence"):
                np.testing.assert_array_equal(
                    getattr(tracks, part)["front"][index], getattr(single, part)["front"][0]
                )


class _Both(ScriptedDetector):
    """Two scripts at once."""

    def __init__(self, one, other):
        super().__init__([])
        self._parts = [script(one), script(other)]

    def detect(self, instructions, frames):
        found = [
            part.detect([instruction], {"front": frames["front"][index : index + 1]})
            for index, (part, instruction) in enumerate(
                zip(self._parts, instructions, strict=True)
            )
        ]
        return type(found[0])(
            **{
                name: {"front": np.concatenate([getattr(each, name)["front"] for each in found])}
                for name in ("pixels", "confidence", "visible")
            }
        )


@pytest.mark.parametrize("name", TRACKERS)
def test_an_episode_goes_on_from_a_stored_memory(name: str, tmp_path) -> None:
    tracker, again = opened(name, script(WAY[1:])), opened(name, script(WAY[5:]))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0], depth=True))
    for at in WAY[1:5]:
        tracker.update([memory], picture(at, depth=True))
    save_tree(tmp_path / "memory", memory)
    restored = load_tree(tmp_path / "memory")
    for at in WAY[5:]:
        frames = picture(at, depth=True)
        one, other = tracker.update([memory], frames), again.update([restored], frames)
        for part in ("pixels", "state", "confidence"):
            np.testing.assert_array_equal(
                getattr(one, part)["front"], getattr(other, part)["front"]
            )


def test_flow_says_that_a_post_hides_the_point_and_finds_it_where_it_was() -> None:
    tracker = open_tracker("flow", settings=SETTINGS)
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    states = []
    for post in (None, 24, 24, 60, 60):
        pixel, state, _ = told(tracker.update([memory], picture(WAY[0], post=post)))
        np.testing.assert_allclose(pixel, WAY[0], atol=0.01)
        states.append(state)
    assert states == [SEEN, OCCLUDED, OCCLUDED, SEEN, SEEN]


def test_flow_loses_what_stays_hidden() -> None:
    tracker = open_tracker("flow", settings=SETTINGS)
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    covered = picture(WAY[0], post=24)
    states = [told(tracker.update([memory], covered))[1] for _ in range(4)]
    assert states == [OCCLUDED, OCCLUDED, OCCLUDED, LOST]
    pixel, state, confidence = told(tracker.update([memory], covered))
    assert (state, confidence) == (LOST, 0.0)
    assert np.isfinite(pixel).all()


def test_depth_hides_a_point_that_the_detector_calls_visible() -> None:
    tracker = opened("redetection", script([WAY[0]] * 3))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0], depth=True))
    states = [
        told(tracker.update([memory], picture(WAY[0], post=post, depth=True)))[1]
        for post in (None, 24, None)
    ]
    assert states == [SEEN, OCCLUDED, SEEN]


def test_a_wild_detection_moves_no_point_that_flow_follows() -> None:
    way = list(WAY[1:])
    way[3] = (80.5, 10.5)
    tracker = opened("hybrid", script(way))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    for at in WAY[1:]:
        pixel, state, _ = told(tracker.update([memory], picture(at)))
        np.testing.assert_allclose(pixel, at, atol=1.0)
        assert state == SEEN


def test_detections_that_agree_on_another_place_correct_the_flow() -> None:
    away = [(70.5, 60.5)] * 3
    tracker = opened("hybrid", script(away))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    places = [told(tracker.update([memory], picture(WAY[0])))[0] for _ in away]
    np.testing.assert_allclose(places[0], WAY[0], atol=0.01)
    np.testing.assert_allclose(places[1], away[0], atol=0.01)


def test_a_point_that_no_detection_confirms_is_not_seen_for_ever() -> None:
    tracker = opened("hybrid", ScriptedDetector([(0.0, 0.0, 0.0, 0.0)] * 20))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    states = [told(tracker.update([memory], picture(WAY[0])))[1] for _ in range(20)]
    assert states[0] == SEEN
    assert OCCLUDED in states
    assert states[-1] == LOST


def test_flow_bridges_the_frames_between_detections() -> None:
    detector = script([WAY[3], WAY[6], WAY[9]])
    tracker = opened("hybrid", detector, every=3)
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    for at in WAY[1:]:
        np.testing.assert_allclose(told(tracker.update([memory], picture(at)))[0], at, atol=1.0)
    assert detector.asked == [1, 1, 1]


def test_a_point_that_slips_is_looked_for_at_once() -> None:
    detector = ScriptedDetector([(*WAY[0], 0.9, 0.1)])
    tracker = opened("hybrid", detector, every=10)
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    tracker.update([memory], picture(WAY[0]))
    assert detector.asked == []
    _, state, _ = told(tracker.update([memory], picture(WAY[0], post=24)))
    assert detector.asked == [1]
    assert state == OCCLUDED


def test_a_keypoint_that_the_proposal_cannot_see_is_taken_up_later() -> None:
    tracker = opened("redetection", script([WAY[0]] * 2))
    memory = tracker.begin("push", proposal(WAY[0], confidence=0.0), picture(WAY[0]))
    assert told(tracks_of([memory], ["front"]))[1] == LOST
    states = [told(tracker.update([memory], picture(WAY[0])))[1] for _ in range(2)]
    assert states == [LOST, SEEN]


def test_frames_without_a_tracked_view_are_refused() -> None:
    tracker = opened("redetection", script(WAY))
    memory = tracker.begin("push", proposal(WAY[0]), picture(WAY[0]))
    with pytest.raises(ConfigError, match="must show a view that is tracked, got \\['side'\\]"):
        tracker.update([memory], {"side": picture(WAY[0])["front"]})
    with pytest.raises(ConfigError, match="at least one view of pictures"):
        tracker.begin("push", proposal(WAY[0]), {"front_depth": picture(WAY[0])["front"]})
