"""Answers are read strictly: what is asked for, and nothing that only looks like it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.prompting.answers import (
    check_apart,
    plan_choices,
    read_marks,
    read_plan,
)
from kibble.rewards.keypoints.prompting.slots import Slot
from kibble.rewards.keypoints.prompting.step import Step
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import ROLES, Role

CORPUS = json.loads(Path(__file__).with_name("malformed.json").read_text())
MARKS = {"1": (10.0, 20.0), "2": (30.0, 20.0), "3": (50.0, 60.0)}
SLOTS = [
    Slot(view="front", role=role, marks=MARKS, tiles=Tiles(), size=(96, 96)) for role in ROLES
]
HEIGHTS = {f"h{number}": 0.05 * number for number in range(5)}


def marks(text):
    chosen = read_marks(text, SLOTS)
    check_apart(chosen, SLOTS)
    return chosen


def plan(text, present=tuple(Role)):
    return read_plan(text, present, Tiles().names, HEIGHTS)


def said(**changes):
    whole = {"gripper": "1", "grasp": "2", "function": "2", "target": "3"} | changes
    return json.dumps({f"front_{role}": label for role, label in whole.items()})


def way(*steps):
    keys = ("move", "to", "height", "fingers")
    return json.dumps({"waypoints": [dict(zip(keys, step, strict=True)) for step in steps]})


@pytest.mark.parametrize(("grammar", "read"), [("marks", marks), ("plan", plan)])
def test_no_malformed_answer_becomes_a_proposal(grammar, read):
    texts = CORPUS[grammar]
    assert len(set(texts)) == len(texts) >= 100
    taken = {}
    for text in texts:
        with contextlib.suppress(ProposalError):
            taken[text] = read(text)
    assert taken == {}


@pytest.mark.parametrize(
    "text",
    [
        said(),
        f"The red cube is 2 and the pad is 3.\n{said()}",
        f"```json\n{said()}\n```",
        said(gripper=1, target=3),
        "\n  " + json.dumps(json.loads(said()), indent=2) + "  \n",
    ],
)
def test_marks_are_read_bare_fenced_and_after_words(text):
    assert list(marks(text).values()) == ["1", "2", "2", "3"]


@pytest.mark.parametrize(
    ("label", "pixel"),
    [
        ("3", (50.0, 60.0)),
        ("1+2", (20.0, 20.0)),
        ("2+1", (20.0, 20.0)),
        ("a1", (9.6, 86.4)),
        ("none", None),
    ],
)
def test_points_are_marks_the_middle_of_two_and_tiles(label, pixel):
    chosen = marks(said(gripper=label))["front_gripper"]
    place = SLOTS[0].pixel(chosen)
    assert place is None if pixel is None else place == pytest.approx(pixel)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"target": "7"},
            "`front_target` must be, in view 'front', a mark .1 to 3.*got '7'",
        ),
        ({"target": "1+7"}, "`front_target`.*got '1.7'"),
        ({"target": "2"}, "`front_grasp` and `front_target` must be different marks, got '2'"),
        ({"grasp": "none", "target": "2"}, "`front_function` and `front_target`"),
        ({"place": "3"}, "with the unknown .'front_place'."),
    ],
)
def test_what_is_wrong_with_a_mark_is_named(changes, text):
    with pytest.raises(ProposalError, match=text):
        marks(said(**changes))


def test_a_missing_key_is_named():
    answer = json.loads(said())
    del answer["front_target"]
    with pytest.raises(ProposalError, match=r"without \['front_target'\]"):
        marks(json.dumps(answer))


def test_the_gripper_may_hide_a_point_and_a_handle_be_pulled_where_it_is_held():
    assert marks(said(gripper="3"))["front_gripper"] == "3"
    assert marks(said(grasp="none", function="none", target="1"))["front_target"] == "1"


def test_a_plan_is_read_in_order():
    text = way(
        ("gripper", "grasp", "h2", "open"),
        ("gripper", "grasp", "h0", "open"),
        ("function", "c4", "h3", "closed"),
        ("function", "target", "h1", "closed"),
    )
    steps = plan(f"First above the cube.\n{text}")
    assert steps[0] == Step(mover=Role.GRIPPER, to="grasp", height=0.1, fingers="open")
    assert [step.to for step in steps] == ["grasp", "grasp", "c4", "target"]
    assert [step.anchor for step in steps] == [Role.GRASP, Role.GRASP, None, Role.TARGET]
    tile = steps[2].waypoint("front", (96, 96), Tiles())
    assert tile.pixels == {"front": Tiles().centre("c4", (96, 96))}
    assert tile.mover is Role.FUNCTION
    assert steps[3].waypoint("front", (96, 96), Tiles()).pixels == {}


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (("function", "z9", "h0", "any"), "`to` of waypoint 0 must be one of.*a tile, got 'z9'"),
        (("cube", "target", "h0", "any"), "`move` of waypoint 0 must be one of gripper, function"),
        (("gripper", "target", "h9", "any"), "`height` of waypoint 0.*got 'h9'"),
        (("gripper", "target", "h0", "shut"), "`fingers` of waypoint 0.*got 'shut'"),
        (("gripper", "a1", "h0", "any"), "last waypoint must go to the target, got 'a1'"),
    ],
)
def test_what_is_wrong_with_a_waypoint_is_named(step, text):
    with pytest.raises(ProposalError, match=text):
        plan(way(step))


def test_a_role_that_was_not_marked_neither_moves_nor_is_gone_to():
    present = (Role.GRIPPER, Role.TARGET)
    assert len(plan(way(("gripper", "target", "h0", "any")), present)) == 1
    with pytest.raises(ProposalError, match="`move` of waypoint 0 must be one of gripper, got"):
        plan(way(("function", "target", "h0", "any")), present)
    with pytest.raises(ProposalError, match="`to` of waypoint 0 must be one of target, a tile"):
        plan(way(("gripper", "grasp", "h0", "any"), ("gripper", "target", "h0", "any")), present)


@pytest.mark.parametrize(
    ("present", "lengths"),
    [
        ((Role.GRIPPER, Role.TARGET), {1}),
        ((Role.GRIPPER, Role.GRASP, Role.TARGET), {3, 4}),
        (tuple(Role), {3, 4}),
    ],
)
def test_every_constrained_way_can_be_read(present, lengths):
    choices = plan_choices(present, tuple(HEIGHTS))
    steps = [plan(choice, present) for choice in choices]
    assert {len(each) for each in steps} == lengths
    assert len(set(choices)) == len(choices)
    assert all(each[-1].to == "target" for each in steps)


def test_constrained_marks_are_ones_that_exist():
    for slot in SLOTS:
        for choice in slot.choices:
            assert slot.known(choice)
            assert read_marks(json.dumps({slot.key: choice}), [slot]) == {slot.key: choice}
    assert "1+3" in SLOTS[0].choices
    assert "1+3" not in SLOTS[3].choices
