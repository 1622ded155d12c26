"""A language model as a proposer: two questions, typed failures, agreement as confidence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rewards.keypoints.prompting.rendered import VIEWS, start
from tests.rewards.keypoints.prompting.scripted_backend import (
    DrawingBackend,
    ScriptedBackend,
    TrueBackend,
    marks_answer,
    plan_answer,
)

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.prompting.sampling import Sampling
from kibble.rewards.keypoints.prompting.scene import mark_scene
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.proposal import require_apart
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.vlm_proposer import VlmProposer
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint
from kibble.rewards.types import Status
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Failure, Reply

SMALL = PromptSettings(size=224, limit=12)
SENTENCE = "push the red cube onto the green pad"
MARKS = marks_answer(gripper="1+2", grasp="3", function="4", target="5")
WAY = plan_answer(
    ("gripper", "grasp", "h2", "any"),
    ("gripper", "grasp", "h0", "any"),
    ("function", "target", "h1", "any"),
)


def frames(view="front"):
    return {view: start("push", 0)[0][view]}


def proposer(*answers, views=("front",), samples=1, **options):
    backend = ScriptedBackend(*answers)
    sampling = Sampling(samples=samples, temperature=0.7 if samples > 1 else 0.0)
    return VlmProposer(backend, views=views, settings=SMALL, sampling=sampling, **options), backend


def propose(*answers, **options):
    return proposer(*answers, **options)[0].propose(SENTENCE, frames())


def test_marks_and_a_way_become_a_proposal():
    proposal = propose(MARKS, WAY)
    points = mark_scene(frames(), ("front",), SMALL).marks["front"]
    assert set(proposal.keypoints) == set(Role)
    assert proposal.keypoints[Role.TARGET].pixels == {"front": points["5"]}
    middle = np.mean([points["1"], points["2"]], axis=0)
    assert proposal.keypoints[Role.GRIPPER].pixels["front"] == pytest.approx(tuple(middle))
    assert proposal.waypoints == (
        Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, height=0.10, gripper=GripperState.ANY),
        Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, gripper=GripperState.ANY),
        Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET, height=0.05, gripper=GripperState.ANY),
    )
    assert proposal.sizes == {"front": (96, 96)}
    assert (proposal.source, proposal.confidence) == ("scripted", 1.0)


def test_both_questions_show_one_picture_and_then_the_task():
    asking, backend = proposer(MARKS, WAY)
    asking.propose(SENTENCE, frames())
    first, second = backend.asked
    for question in (first, second):
        (turn,) = question.prompt.turns
        picture, text = turn.parts
        assert isinstance(picture, Picture)
        assert f"Task of the robot: {SENTENCE}\n" in text
        assert (question.choices, question.temperature) == (None, 0.0)
    assert '"front_target": "<point>"' in first.prompt.turns[0].parts[1]
    assert '{"waypoints": [' in second.prompt.turns[0].parts[1]
    pictures = [question.prompt.turns[0].parts[0].pixels for question in backend.asked]
    assert pictures[0].shape == pictures[1].shape  # no ruler without a second, calibrated view
    assert (pictures[0] != pictures[1]).any()


def test_a_calibrated_second_view_gets_a_ruler():
    two = {view: start("push", 0)[0][view] for view in VIEWS}
    marks = json.loads(MARKS) | {f"side_{role.value}": "none" for role in ROLES}
    labels = list(mark_scene(two, VIEWS, SMALL).marks["side"])
    marks["side_target"] = labels[0]
    asking, backend = proposer(json.dumps(marks), WAY, views=VIEWS, calibration="tabletop")
    proposal = asking.propose(SENTENCE, two)
    assert set(proposal.keypoints[Role.TARGET].pixels) == set(VIEWS)
    assert set(proposal.keypoints[Role.GRASP].pixels) == {"front"}
    assert "dashed lines in side" in backend.asked[1].prompt.turns[0].parts[1]


@pytest.mark.parametrize("absent", ["target", "gripper"])
def test_a_sentence_that_names_nothing_in_view_holds_the_potential(absent):
    asking, backend = proposer(json.dumps(json.loads(MARKS) | {f"front_{absent}": "none"}))
    proposal = asking.propose("push the pink cube onto the green pad", frames())
    assert proposal.confidence == 0.0
    assert proposal.keypoints[Role.TARGET].confidence == 0.0
    assert len(backend.asked) == 1  # there is no way to ask about


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ((marks_answer(gripper="1", grasp="3", function="3", target="40"), WAY), "got '40'"),
        ((marks_answer(gripper="1", grasp="3", function="5", target="5"), WAY), "different marks"),
        ((marks_answer(gripper="1", target="5"), WAY), "without .'front_grasp', 'front_function'"),
        (("I see a cube.", WAY), "must end with JSON"),
        ((Reply(text=MARKS, finished=False), WAY), "end by itself"),
        (
            (Failure(status=Status.MODEL_ERROR, reason="NaN logits"), WAY),
            "MODEL_ERROR: NaN logits",
        ),
        ((MARKS, "Go there."), "must end with JSON"),
        ((MARKS, plan_answer(("gripper", "grasp", "h0", "any"))), "last waypoint must go to"),
        ((MARKS, MARKS), "must have the keys waypoints"),
    ],
)
def test_an_answer_that_is_none_is_a_typed_failure(answers, text):
    with pytest.raises(ProposalError, match=f"1 of 1 answers of 'scripted'.*{text}"):
        propose(*answers)


def test_a_model_that_is_late_is_late():
    with pytest.raises(TimeoutError, match="60 s"):
        propose(Failure(status=Status.TIMEOUT, reason="no answer in 60 s"))


def test_several_answers_agree_more_or_less():
    other = marks_answer(gripper="1+2", grasp="3", function="4", target="1")
    sure = propose(MARKS, MARKS, MARKS, WAY, WAY, WAY, samples=3)
    unsure = propose(MARKS, other, MARKS, WAY, WAY, WAY, samples=3)
    assert sure.confidence == 1.0
    assert unsure.confidence == pytest.approx(0.5)
    assert unsure.keypoints == {
        **sure.keypoints,
        Role.TARGET: unsure.keypoints[Role.TARGET],
    }
    assert unsure.keypoints[Role.TARGET].pixels == sure.keypoints[Role.TARGET].pixels


def test_marks_of_a_proposal_were_all_said_by_one():
    """Else the target of one and the function point of others could be one spot."""
    one = marks_answer(gripper="1", grasp="none", function="4", target="5")
    two = marks_answer(gripper="1", grasp="none", function="1", target="4")
    three = marks_answer(gripper="1", grasp="none", function="2", target="4")
    straight = plan_answer(("gripper", "target", "h0", "any"))
    proposal = propose(one, two, three, *[straight] * 3, samples=3)
    points = mark_scene(frames(), ("front",), SMALL).marks["front"]
    places = [proposal.keypoints[role].pixels["front"] for role in (Role.FUNCTION, Role.TARGET)]
    assert places in [[points[a], points[b]] for a, b in (("4", "5"), ("1", "4"), ("2", "4"))]
    assert proposal.keypoints[Role.GRIPPER].confidence == 1.0
    assert proposal.keypoints[Role.FUNCTION].confidence < 0.5


def test_samples_are_drawn_each_with_a_seed_of_its_own():
    asking, backend = proposer(*[MARKS] * 3, *[WAY] * 3, samples=3)
    asking.propose(SENTENCE, frames())
    assert [question.seed for question in backend.asked] == [0, 1, 2, 0, 1, 2]
    assert {question.temperature for question in backend.asked} == {0.7}


def test_a_minority_that_cannot_be_read_costs_confidence_and_a_majority_the_proposal():
    proposal = propose(MARKS, "junk", MARKS, WAY, WAY, WAY, samples=3)
    assert proposal.confidence == pytest.approx(0.5)
    with pytest.raises(ProposalError, match="2 of 3 answers"):
        propose("junk", MARKS, "junk", samples=3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
@settings(max_examples=12)
def test_a_constrained_answer_is_always_a_proposal(seed, samples):
    asking = VlmProposer(
        DrawingBackend(seed),
        views=("front",),
        settings=SMALL,
        sampling=Sampling(samples=samples, temperature=float(samples > 1), constrain=True),
    )
    proposal = asking.propose(SENTENCE, frames())
    assert 0.0 <= proposal.confidence <= 1.0
    if proposal.confidence > 0.0:
        require_apart(proposal)
        assert proposal.waypoints[-1].anchor is Role.TARGET


@pytest.mark.parametrize("task", ["push", "pick_place", "drawer_open", "stack"])
def test_the_truth_can_be_said(task):
    """The nearest marks and tiles lie within a few pixels of where keypoints really are."""
    two, sentence, pixels = start(task, 1)
    backend = TrueBackend(task, 1, SMALL, plan_answer(("gripper", "target", "h0", "any")))
    proposal = VlmProposer(backend, views=VIEWS, settings=SMALL).propose(sentence, two)
    gaps = [
        np.linalg.norm(np.subtract(keypoint.pixels[view], pixels[view][ROLES.index(role)]))
        for role, keypoint in proposal.keypoints.items()
        for view in keypoint.pixels
    ]
    assert np.median(gaps) < 2.0
    assert max(gaps) < 7.0
    assert backend.closer == 0 or task != "pick_place"  # all its points lie on things


def test_a_point_in_free_space_is_looked_at_closer():
    marks = marks_answer(gripper="1", grasp="none", function="none", target="d2")
    straight = plan_answer(("gripper", "target", "h0", "any"))
    asking, backend = proposer(marks, '{"front_target": "a6"}', straight)
    target = asking.propose(SENTENCE, frames()).keypoints[Role.TARGET].pixels["front"]
    middle = SMALL.tiles.centre("d2", (96, 96))
    wide = 2 * 96 / 5
    off = wide / 2 - wide / 12
    assert target == pytest.approx((middle[0] - off, middle[1] - off), abs=1.0)
    assert "enlarged" in backend.asked[1].prompt.turns[0].parts[1]
    stays, _ = proposer(marks, '{"front_target": "none"}', straight)
    assert stays.propose(SENTENCE, frames()).keypoints[Role.TARGET].pixels["front"] == middle
    wrong, _ = proposer(marks, '{"front_target": "g1"}', straight)
    with pytest.raises(ProposalError, match=r"a tile \(a1 to f6\) or 'none', got 'g1'"):
        wrong.propose(SENTENCE, frames())


def test_a_lattice_needs_no_things():
    lattice = PromptSettings(size=224, marks="lattice", limit=16)
    blank = {"front": np.full((1, 96, 96, 3), 128, np.uint8)}
    assert len(mark_scene(blank, ("front",), SMALL).marks["front"]) == 12  # for want of things
    assert len(mark_scene(frames(), ("front",), lattice).marks["front"]) == 16


def test_it_is_a_proposer_whose_version_covers_all_that_it_is_asked_by():
    plain, _ = proposer()
    assert isinstance(plain, Proposer)
    others = [
        proposer(samples=3)[0],
        proposer(views=("front", "side"))[0],
        proposer(calibration="tabletop")[0],
        VlmProposer(ScriptedBackend(), views=("front",)),
    ]
    assert len({plain.version, *(each.version for each in others)}) == 1 + len(others)
    assert plain.version == proposer()[0].version


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: proposer(views=()), "`views` must be one or more different views"),
        (lambda: proposer(views=("front", "front")), "different views, got .'front', 'front'"),
        (lambda: Sampling(samples=0), "`samples` must be at least 1"),
        (lambda: Sampling(samples=3), "`samples` above 1 needs `temperature` above 0"),
        (lambda: PromptSettings(size=64), "`size` must be at least 160"),
        (lambda: PromptSettings(marks="dots"), "`marks` must be regions or lattice, got 'dots'"),
        (lambda: PromptSettings(limit=100), "`limit` of marks must lie in .4, 60., got 100"),
        (lambda: PromptSettings(heights=(0.1, 0.1)), "`heights` must be finite metres that rise"),
        (lambda: PromptSettings(heights=()), "`heights` must be finite metres that rise"),
    ],
)
def test_settings_out_of_range_are_named(make, text):
    with pytest.raises(ConfigError, match=text):
        make()


def test_a_missing_view_and_a_reserved_sign_are_refused_before_anything_is_asked():
    asking, backend = proposer(MARKS, WAY)
    with pytest.raises(FrameError, match="front"):
        asking.propose(SENTENCE, frames("side"))
    with pytest.raises(ConfigError, match="plain words"):
        asking.propose("push <image> the cube", frames())
    assert backend.asked == []
