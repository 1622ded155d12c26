from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kibble.agents.keypoints.drawing import Mark, draw_keypoints
from kibble.agents.keypoints.label_places import LabelPlaces
from kibble.agents.keypoints.legend import draw_legend
from kibble.agents.keypoints.markers import COLOURS
from kibble.agents.keypoints.way import Stop, stops_in_picture, stops_in_space
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

WAY = (
    Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, height=0.05, gripper=GripperState.OPEN),
    Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET, height=0.1, gripper=GripperState.CLOSED),
)
PIXELS = {
    Role.GRIPPER: (12.0, 12.0),
    Role.GRASP: (40.0, 60.0),
    Role.FUNCTION: (50.0, 44.0),
    Role.TARGET: (80.0, 80.0),
}
MARKS = [Mark(role=role, pixel=pixel) for role, pixel in PIXELS.items()]


def grey(size: tuple[int, int] = (288, 288)) -> Image.Image:
    return Image.new("RGB", size, (128, 128, 128))


def painted(before: Image.Image, after: Image.Image) -> np.ndarray:
    return (np.asarray(before) != np.asarray(after)).any(axis=-1)


def near(image: Image.Image, place: tuple[float, float], role: Role) -> int:
    u, v = round(place[0]), round(place[1])
    patch = np.asarray(image, int)[max(v - 12, 0) : v + 12, max(u - 12, 0) : u + 12]
    return int((np.abs(patch - COLOURS[role]).max(axis=-1) < 30).sum())


def test_markers_stand_where_the_points_are_and_leave_them_visible() -> None:
    image = grey()
    drawn = draw_keypoints(image, MARKS, scale=(3.0, 3.0))
    for role, (u, v) in PIXELS.items():
        assert near(drawn, (3 * u, 3 * v), role) > 20
    assert 0 < painted(image, drawn).mean() < 0.02
    assert painted(image, grey()).sum() == 0  # the picture given is not changed


@pytest.mark.parametrize("state", [TrackState.OCCLUDED, TrackState.LOST])
def test_points_out_of_sight_look_otherwise(state: TrackState) -> None:
    place, role = (48.0, 48.0), Role.FUNCTION
    seen = draw_keypoints(grey(), [Mark(role=role, pixel=place)])
    other = draw_keypoints(grey(), [Mark(role=role, pixel=place, state=state)])
    assert 0.8 * near(seen, place, role) > near(other, place, role)
    assert painted(grey(), other).any()


def test_points_outside_and_unknown_are_no_trouble() -> None:
    marks = [
        Mark(role=Role.GRIPPER, pixel=(-50.0, 10.0)),
        Mark(role=Role.TARGET, pixel=(float("nan"), 10.0)),
    ]
    stops = [Stop(number=1, waypoint=WAY[0], place=(900.0, 900.0))]
    drawn = draw_keypoints(grey((96, 64)), marks, stops)
    assert drawn.size == (96, 64)


def test_the_stage_aimed_at_stands_out() -> None:
    stops = stops_in_picture(WAY, PIXELS, "front")
    first, second = (
        draw_keypoints(grey(), MARKS, stops, scale=(3.0, 3.0), current=n) for n in (1, 2)
    )
    middle_of_second = ((50 + 80) * 1.5, (44 + 80) * 1.5)
    assert near(second, middle_of_second, Role.FUNCTION) > near(
        first, middle_of_second, Role.FUNCTION
    )


def test_stops_by_pixels_know_anchors_and_own_places() -> None:
    own = Waypoint(mover=Role.FUNCTION, pixels={"front": (5.0, 6.0)})
    stops = stops_in_picture((*WAY, own), {Role.TARGET: (1.0, 2.0)}, "front")
    assert [(stop.number, stop.place, stop.top) for stop in stops] == [
        (2, (1.0, 2.0), None),
        (3, (5.0, 6.0), None),
    ]
    assert [stop.number for stop in stops_in_picture((own,), {}, "side")] == []


def test_stops_in_space_are_raised_by_their_heights() -> None:
    extrinsics = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 1.0], [0, 0, 0, 1]], float)
    intrinsics = np.array([[100, 0, 50], [0, 100, 50], [0, 0, 1.0]])
    camera = Camera(intrinsics=intrinsics, extrinsics=extrinsics, width=100, height=100)
    places = np.array([[0.1, 0.0, 0.0], [np.nan] * 3])
    (stop,) = stops_in_space(WAY, places, camera)
    assert stop.place == pytest.approx((60.0, 50.0))
    assert stop.top == pytest.approx((60.0, 45.0))


def test_labels_keep_apart_and_inside() -> None:
    places = LabelPlaces((200.0, 200.0), [(90.0, 90.0, 110.0, 110.0)])
    boxes = [places.place((100.0, 100.0), (40.0, 12.0), [14.0, 26.0, 40.0]) for _ in range(6)]
    boxes.append(places.place((2.0, 2.0), (40.0, 12.0), [14.0, 26.0]))
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert top >= 0
        assert right <= 200
        assert bottom <= 200
        for other in boxes[:number]:
            assert min(right, other[2]) <= max(left, other[0]) or min(bottom, other[3]) <= max(
                top, other[1]
            )


def test_legend_grows_where_it_is_narrow() -> None:
    wide, narrow = draw_legend(1600), draw_legend(420)
    assert wide.width == 1600
    assert narrow.height > wide.height
    brief = draw_legend(420, ROLES[:2], brief=True)
    assert brief.height < narrow.height
    assert painted(brief, Image.new("RGB", brief.size, brief.getpixel((0, 0)))).any()
