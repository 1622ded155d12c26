"""The embedded network as a detector and as a proposer, with the weights that ship."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.keypoint_toy import SIDE, saved

from kibble.envs.tabletop import TabletopEnv
from kibble.rewards.errors import FrameError
from kibble.rewards.keypoints.detections import Detector
from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import ROLES, Role

VIEWS = ("front", "side")


@pytest.fixture(scope="module")
def detector():
    return EmbeddedDetector.load()


@pytest.fixture(scope="module")
def scene():
    env = TabletopEnv("pick_place", views=("front", "side", "wrist"))
    env.reset(seed=900)
    yield env
    env.close()


def test_they_are_what_the_seams_ask_for(detector):
    assert isinstance(detector, Detector)
    assert isinstance(EmbeddedProposer(detector), Proposer)
    assert EmbeddedProposer(detector).name == "keypoint_tiny"


def test_keypoints_of_a_scene_are_found_in_every_view_but_the_wrist_s(detector, scene):
    found = detector.detect([scene.instruction], scene.frames())
    assert set(found.pixels) == set(VIEWS)
    for view in VIEWS:
        truth = scene.camera(view).project(scene.affordances().positions)
        away = np.linalg.norm(found.pixels[view][0] - truth, axis=-1)
        assert (away < 4.0).all()
        assert (found.confidence[view] > 0.5).all()


def test_pixels_are_those_of_the_frames_whatever_their_size(detector, scene):
    frames = {"front": scene.frames()["front"]}
    large = {"front": np.repeat(np.repeat(frames["front"], 2, axis=1), 3, axis=2)}
    small_found = detector.detect([scene.instruction], frames).pixels["front"]
    large_found = detector.detect([scene.instruction], large).pixels["front"]
    np.testing.assert_allclose(large_found / (3.0, 2.0), small_found, atol=0.5)


def test_a_batch_is_detected_as_one_by_one(detector, scene):
    goals = scene.goals
    sentences = [scene.phrasings(goal)[i] for i, goal in enumerate(goals)]
    frame = scene.frames(["side"])["side"]
    together = detector.detect(sentences, {"side": np.repeat(frame, len(goals), axis=0)})
    for i, sentence in enumerate(sentences):
        alone = detector.detect([sentence], {"side": frame})
        np.testing.assert_allclose(together.pixels["side"][i], alone.pixels["side"][0], atol=0.1)
    target = ROLES.index(Role.TARGET)
    spots = {tuple(np.round(pixels, -1)) for pixels in together.pixels["side"][:, target]}
    assert len(spots) == 2  # two platforms


def test_what_is_not_there_has_no_confidence(detector, scene):
    there = set(scene.colours.values())
    absent = min({"red", "green", "blue", "yellow", "purple", "orange"} - there)
    sentence = f"put the {absent} cube on the {scene.colours['platform_0']} platform"
    found = detector.detect([sentence], scene.frames(["front"]))
    hand = ROLES.index(Role.GRIPPER)
    assert found.confidence["front"][0, hand] > 0.5
    assert (np.delete(found.confidence["front"][0], hand) == 0.0).all()
    proposal = EmbeddedProposer(detector).propose(sentence, scene.frames())
    assert proposal.confidence == 0.0


@pytest.mark.parametrize("sentence", ["make me a sandwich", "zzz", "the"])
def test_a_sentence_without_sense_proposes_nothing(detector, scene, sentence):
    assert EmbeddedProposer(detector).propose(sentence, scene.frames()).confidence == 0.0


def test_a_proposal_has_the_plan_of_the_task_and_points_in_both_views(detector, scene):
    proposal = EmbeddedProposer(detector).propose(scene.instruction, scene.frames())
    assert proposal.waypoints == scene.affordances().plan
    assert proposal.confidence > 0.5
    assert proposal.sizes == dict.fromkeys(VIEWS, (96, 96))
    target = proposal.keypoints[Role.TARGET]
    truth = scene.affordances().positions[ROLES.index(Role.TARGET)]
    for view in VIEWS:
        u, v = scene.camera(view).project(truth[None])[0]
        assert math.dist(target.pixels[view], (u, v)) < 4.0


def test_views_can_be_chosen_and_depth_is_not_looked_at(detector, scene):
    frames = scene.frames(["front", "side"])
    frames = {**frames, "front_depth": frames["front"]}
    assert set(detector.detect(["x"], frames).pixels) == set(VIEWS)
    chosen = EmbeddedDetector.load(views=["side", "top"])
    assert set(chosen.detect(["x"], frames).pixels) == {"side"}
    with pytest.raises(FrameError, match="a view to look at, side or top, got"):
        chosen.detect(["x"], {"front": frames["front"]})
    with pytest.raises(FrameError, match="a view to look at, any but wrist"):
        detector.detect(["x"], scene.frames(["wrist"]))


def test_frames_and_sentences_must_be_as_many(detector, scene):
    with pytest.raises(FrameError, match="must hold 2 frames"):
        detector.detect(["a", "b"], scene.frames(["front"]))


def test_no_frames_have_no_keypoints(detector):
    found = detector.detect([], {"front": np.zeros((0, 96, 96, 3), np.uint8)})
    assert found.pixels["front"].shape == (0, len(ROLES), 2)


def test_own_weights_can_be_given(tmp_path):
    own = EmbeddedDetector.load(saved(tmp_path))
    frames = {"front": np.zeros((1, SIDE, SIDE, 3), np.uint8)}
    assert own.name == "toy"
    assert own.detect(["go to red"], frames).pixels["front"].shape == (1, len(ROLES), 2)
