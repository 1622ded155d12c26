from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.rewards.keypoints.fixed.marked import INSTRUCTION, marked_scene
from tests.rewards.keypoints.prompting.scripted_backend import DrawingBackend

from kibble.agents.keypoints.config import KeypointsConfig
from kibble.agents.keypoints.proposed import draw_proposed, largest_error
from kibble.agents.keypoints.proposers import open_proposer
from kibble.agents.keypoints.run import keypoints
from kibble.agents.keypoints.scene import SimulatedScenes
from kibble.agents.oracle_keypoints import OracleDetector
from kibble.agents.task_config import TaskConfig
from kibble.rewards.adapters import keypoints_vlm
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.keypoints.fixed.file import write_file
from kibble.rewards.keypoints.roles import ROLES, Role

PUSH = TaskConfig(name="push", id="kibble/Push-v0", views=["front", "wrist"])


def sheet(out: Path, **settings: object) -> Image.Image:
    config = KeypointsConfig(show="proposals", out=str(out), quiet=True, **settings)
    assert keypoints(config) == 0
    with Image.open(out) as opened:
        return opened.convert("RGB")


def test_a_sheet_shows_every_scene(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    one = sheet(tmp_path / "one.png", task=PUSH, scenes=1, proposer="oracle")
    assert "one.png" in capsys.readouterr().out
    four = sheet(tmp_path / "four.png", task=PUSH, scenes=4, proposer="oracle", seed=7)
    assert four.width > 2 * one.width
    assert four.height > one.height + 200


def test_a_proposal_that_fails_is_said_beside_the_picture(tmp_path: Path) -> None:
    marks = tmp_path / "marks.yaml"
    write_file(marks, marked_scene(instruction="something else"))
    refused = sheet(tmp_path / "a.png", task=PUSH, scenes=1, proposer=str(marks))
    write_file(marks, marked_scene(instruction=None))
    drawn = sheet(tmp_path / "b.png", task=PUSH, scenes=1, proposer=str(marks))
    red = np.abs(np.asarray(refused, int) - (178, 34, 10)).max(axis=-1) < 8
    assert red.sum() > 200  # the sentence
    assert refused.height > drawn.height  # which is long


def test_a_recorded_picture_is_proposed_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = tmp_path / "start.png"
    Image.fromarray(rng.integers(90, 110, (96, 96, 3)).astype(np.uint8)).save(picture)
    marks = tmp_path / "marks.yaml"
    write_file(marks, marked_scene())
    settings = {"input": str(picture), "proposer": str(marks)}
    drawn = sheet(tmp_path / "a.png", instruction=INSTRUCTION, **settings)
    assert len(drawn.getcolors(1 << 20)) > 100
    with pytest.raises(ConfigError, match="`instruction` must say what is to be done, and the"):
        sheet(tmp_path / "b.png", **settings)


def test_calibrated_views_raise_waypoints_to_their_heights() -> None:
    from kibble.rewards.cameras.calibrated_views import read_cameras

    proposal = marked_scene().proposal
    picture = np.full((96, 96, 3), 128, np.uint8)
    cameras = read_cameras("tabletop", proposal.sizes)
    flat, raised = (
        np.asarray(
            draw_proposed(picture, "front", proposal, cameras=known, truth={}, height=288), int
        )
        for known in ({}, cameras)
    )
    assert (flat != raised).any()


def test_the_largest_error_is_told_for_96_rows() -> None:
    proposal = marked_scene().proposal
    truth = {
        "front": {Role.GRIPPER: (51.0, 24.25), Role.TARGET: (70.5, 80.0)},
        "side": {Role.TARGET: (60.0, 71.0)},
    }
    worst = largest_error(proposal, truth)
    assert worst is not None
    assert worst[0] is Role.GRIPPER
    assert worst[1] == pytest.approx(5.0)
    assert largest_error(proposal, {}) is None


def test_a_language_model_is_asked_about_scenes_and_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = DrawingBackend(seed=0)
    monkeypatch.setattr(keypoints_vlm, "open_backend", lambda *_, **__: backend)
    name = "keypoints_vlm@any/model?constrain=true"
    one = sheet(tmp_path / "a.png", task=PUSH, scenes=1, proposer=name)
    picture = tmp_path / "start.png"
    one.crop((0, 120, 288, 408)).save(picture)
    alone = sheet(tmp_path / "b.png", input=str(picture), proposer=name, instruction="push it")
    assert alone.width < one.width + 100


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keypoints_vlms@any", "`proposer` must be keypoints_vlm@WEIGHTS"),
        ("keypoints_vlm@any?sample=2", "must be known, got 'sample'; did you mean samples"),
        ("models/none", "models/none"),
        ("none.yaml", "nothing there at 'none.yaml'"),
    ],
)
def test_proposers_that_are_none_are_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises((ConfigError, WeightsError), match=text):
        sheet(tmp_path / "a.png", task=PUSH, scenes=1, proposer=name)


def test_the_embedded_network_finds_the_points(tmp_path: Path) -> None:
    for view in ("front", "side"):
        scene = SimulatedScenes(KeypointsConfig(task=PUSH, views=[view]), clear=False)
        first = scene.open(11)
        scene.close()
        proposal = open_proposer("embedded", first).propose(str(first.instruction), first.frames)
        truth = OracleDetector(first.cameras).detect([""], first.oracle).pixels[view][0]
        places = {view: {role: tuple(truth[r]) for r, role in enumerate(ROLES)}}
        worst = largest_error(proposal, places)
        assert worst is not None
        assert worst[1] < 8.0
