from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.dots import SIZE, DotDetector, DotProposer, cameras, frames
from tests.rewards.keypoints.scripted import PUSH, X, Z, pushed, scene

from kibble.rewards.adapters.keypoints import CARD
from kibble.rewards.cameras.camera_info import write_camera_info
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.opening import open_keypoints
from kibble.rewards.keypoints.options import KeypointOptions
from kibble.rewards.keypoints.picture_lifting import PictureLifting
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.seen_locator import SeenLocator
from kibble.rewards.keypoints.space_lifting import SpaceLifting
from kibble.rewards.keypoints.tracking.opening import open_tracker
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.types import Task

START = scene([0.42, 0.1, 0.15], cube=(0.46, -0.04, 0.05), target=(0.56, 0.1, 0.0))
GRIPPER, GRASP, FUNCTION, TARGET = range(4)


def locator(lifting, *views, way=PUSH):
    tracker = open_tracker("redetection", DotDetector())
    return SeenLocator(DotProposer(way), tracker, lifting, views=views)


def space(*views, method="auto"):
    return SpaceLifting("tabletop", views, method=method)


def errors(located, positions):
    """Distances to the truth, (R,) m."""
    return np.linalg.norm(located.positions[0] - positions, axis=-1)


def test_two_views_place_every_role():
    looks = locator(space("front", "side"), "front", "side")
    opened = looks.open("push it", frames(START))
    assert opened.located.state.tolist() == [[TrackState.SEEN] * 4]
    assert errors(opened.located, START).max() < 0.01
    moved = START + 0.02 * X
    located = looks.locate([opened.memory], frames(moved))
    assert errors(located, moved).max() < 0.01
    assert (located.confidence > 0.8).all()


@pytest.mark.parametrize("method", ["auto", "depth"])
def test_one_view_and_its_depth_place_every_role(method):
    looks = locator(space("front", method=method), "front", "front_depth")
    start = START.copy()
    start[GRASP, 1] -= 0.06  # or the dot before it would be in its window
    opened = looks.open("push it", frames(start, ["front"], depth=True))
    away = errors(opened.located, start)
    assert away[GRASP:].max() < 0.01
    assert away[GRIPPER] < 0.016  # its dot is taken for a finger, 15 mm before it


def test_a_thing_in_one_view_keeps_its_height_and_a_hand_is_lost():
    looks = locator(space("front", "side"), "front", "side")
    opened = looks.open("push it", frames(START))
    moved = START + 0.01 * X
    hidden = {"side": (GRIPPER, FUNCTION)}
    for _ in range(12):  # until the tracker gives up the view
        located = looks.locate([opened.memory], frames(moved, hidden=hidden))
    assert located.state[0, FUNCTION] == TrackState.OCCLUDED
    assert errors(located, moved)[FUNCTION] < 0.015
    assert 0.0 < located.confidence[0, FUNCTION] < 0.5
    assert located.state[0, GRIPPER] == TrackState.LOST
    assert located.state[0, TARGET] == TrackState.SEEN


def test_views_that_show_different_things_are_not_believed():
    looks = locator(space("front", "side"), "front", "side")
    shown = frames(START)
    elsewhere = START.copy()
    elsewhere[FUNCTION] += 0.12 * Z
    shown["side"] = frames(elsewhere)["side"]
    opened = looks.open("push it", shown)
    assert opened.located.state[0, FUNCTION] == TrackState.LOST
    assert opened.located.confidence[0, FUNCTION] == 0.0
    assert opened.located.state[0, TARGET] == TrackState.SEEN


def test_a_plane_places_what_lies_on_it():
    flat = START * [1, 1, 0]
    looks = locator(space("top", method="plane"), "top")
    opened = looks.open("push it", frames(flat, ["top"]))
    assert errors(opened.located, flat).max() < 0.01


def test_pictures_need_no_calibration():
    looks = locator(PictureLifting("front"), "front")
    opened = looks.open("push it", frames(START, ["front"]))
    truth = cameras("front")["front"].project(START)
    assert np.abs(opened.located.positions[0] - truth).max() < 0.6
    assert opened.places.shape == (3, 2)


def spot(view_pixels):
    return Waypoint(mover=Role.FUNCTION, pixels=view_pixels, height=0.1)


def test_spots_are_placed_once_and_their_height_is_above_them():
    wanted = np.array([0.5, 0.05, 0.0])
    marked = {
        view: tuple(camera.project(wanted)) for view, camera in cameras("front", "side").items()
    }
    by_views = locator(space("front", "side"), "front", "side", way=(spot(marked),))
    by_plane = locator(
        space("front", "side"), "front", "side", way=(spot({"front": marked["front"]}),)
    )
    in_picture = locator(PictureLifting("front"), "front", way=(spot(marked),))
    shown = frames(START)
    for looks in (by_views, by_plane):
        np.testing.assert_allclose(
            looks.open("push it", shown).places, [wanted + 0.1 * Z], atol=1e-6
        )
    np.testing.assert_allclose(in_picture.open("push it", shown).places, [marked["front"]])


def test_a_spot_that_no_used_view_shows_is_refused():
    way = (spot({"side": (48.0, 48.0)}),)
    with pytest.raises(ProposalError, match="marked in view 'front'"):
        locator(PictureLifting("front"), "front", way=way).open("push it", frames(START))
    with pytest.raises(ProposalError, match="must be marked where it can be placed"):
        locator(space("front", "side", method="views"), "front", "side", way=way).open(
            "push it", frames(START)
        )


def opened_reward(**options):
    return open_keypoints(
        CARD,
        KeypointOptions(tracker="redetection", **options),
        DotProposer(PUSH),
        detector=DotDetector(),
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"views": ("front", "front_depth")},
        {"variant": "pixel", "views": ("top",)},
        {"variant": "block", "views": ("top",), "grid": 6},
    ],
    ids=["views", "depth", "pixel", "block"],
)
def test_a_push_is_paid_from_pictures(options):
    rows = pushed() + np.array([0.06, -0.04, 0.0])  # where every camera sees all of it
    model = opened_reward(**options)
    shown = [frames(row, ["front", "side", "top"], depth=True) for row in rows]
    episode = model.begin(Task(instruction="push it"), shown[0])
    progress, confidence = [episode.progress], []
    for each in shown[1:]:
        estimate = model.estimate([episode], each)
        progress.append(float(estimate.progress[0]))
        confidence.append(float(estimate.confidence[0]))
    assert progress[0] < 0.3
    assert progress[-1] == 1.0
    assert np.diff(progress).min() > -0.1  # a dot that hides another moves its middle
    assert np.mean(np.array(confidence) > 0.0) > 0.9
    assert model.sketch(episode) is not None


def test_the_version_tells_whatever_changes_an_estimate(tmp_path):
    for view, camera in cameras("front", "side").items():
        write_camera_info(tmp_path / f"{view}.yaml", camera, name=view)
    versions = [
        opened_reward(**options).spec.version
        for options in (
            {},
            {"calibration": str(tmp_path)},
            {"tolerance": 0.03},
            {"lifting": "views"},
            {"variant": "pixel"},
        )
    ]
    assert len(set(versions)) == len(versions)
    assert opened_reward().spec.version == versions[0]


def test_it_needs_the_views_that_its_variant_measures_in():
    assert opened_reward().spec.required_views == ("front", "side")
    assert opened_reward(variant="pixel").spec.views == ("front",)
    assert opened_reward().spec.image_size is None  # depth frames must not be resized
    assert SIZE == (96, 96)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "metre"}, "`variant` must be one of metric, pixel, block"),
        ({"views": ()}, "`views` must be one or more"),
        ({"views": ("front", "front")}, "`views` must be one or more different"),
        ({"views": ("front",)}, "two pictures, or one and its depth, got .* add views=side or"),
        ({"views": ("front", "side_depth")}, "must stand beside the pictures"),
        ({"lifting": "magic"}, "`lifting` must be one of auto, views, depth, plane"),
        ({"lifting": "depth"}, "by depth must have a view of depth"),
        ({"grid": 1}, "`grid` must be at least 2"),
        ({"tolerance": -1.0}, "`tolerance` of a waypoint must be above 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        KeypointOptions(**options)


def test_a_view_without_calibration_is_refused_at_the_start():
    with pytest.raises(ConfigError, match=r"must have a file for every view, got none of"):
        opened_reward(views=("front", "ceiling"))
    with pytest.raises(ConfigError, match="`calibration` must be one of"):
        opened_reward(calibration="nowhere")


def test_two_views_are_needed_to_triangulate():
    with pytest.raises(ConfigError, match="by views must have two views"):
        SpaceLifting("tabletop", ["front"], method="views")
    with pytest.raises(ConfigError, match="`lifting` must be one of"):
        SpaceLifting("tabletop", ["front"], method="magic")
