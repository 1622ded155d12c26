from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.rewards.keypoints.fixed.marked import INSTRUCTION, marked_scene

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.fixed.file import write_file
from kibble.rewards.keypoints.fixed.proposer import FixedProposer
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import Role


def frames(**sizes: tuple[int, int]) -> dict[str, NDArray[np.uint8]]:
    return {view: np.zeros((1, *size, 3), np.uint8) for view, size in sizes.items()}


def test_repeats_the_file_on_pictures_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "marks.yaml"
    write_file(path, marked_scene())
    proposer = FixedProposer.open(path)
    assert isinstance(proposer, Proposer)
    proposal = proposer.propose(INSTRUCTION, frames(front=(96, 96), side=(96, 128)))
    assert proposal == marked_scene().proposal
    assert proposer.name == "marks.yaml"


def test_scales_to_pictures_of_another_size() -> None:
    proposer = FixedProposer(marked_scene())
    proposal = proposer.propose(INSTRUCTION, frames(front=(192, 48), side=(96, 128)))
    assert proposal.sizes == {"front": (192, 48), "side": (96, 128)}
    assert proposal.keypoints[Role.GRIPPER].pixels == {"front": (24.0, 40.5), "side": (30.0, 20.0)}
    assert proposal.waypoints[2].pixels == {"front": (30.0, 140.0)}
    assert proposal.waypoints[3] == marked_scene().proposal.waypoints[3]


def test_keeps_to_the_views_that_are_seen() -> None:
    proposer = FixedProposer(marked_scene())
    proposal = proposer.propose(INSTRUCTION, frames(front=(96, 96), wrist=(96, 96)))
    assert set(proposal.sizes) == {"front"}
    assert all(set(point.pixels) == {"front"} for point in proposal.keypoints.values())
    with pytest.raises(
        ProposalError, match=r"'function' of 'marks\.yaml' must be marked in a view"
    ):
        proposer.propose(INSTRUCTION, frames(side=(96, 128)))


def test_refuses_another_instruction() -> None:
    front = frames(front=(96, 96))
    proposer = FixedProposer(marked_scene())
    proposer.propose("Push  the red cube onto the green pad.", front)
    with pytest.raises(ProposalError, match="are for 'push the red cube onto the green pad', got"):
        proposer.propose("push the blue cube onto the green pad", front)
    FixedProposer(marked_scene(instruction=None)).propose("anything", front)


def test_version_tells_what_is_marked() -> None:
    one, same = FixedProposer(marked_scene()), FixedProposer(marked_scene())
    other = FixedProposer(marked_scene(instruction=None))
    assert one.version == same.version != other.version


def test_needs_numpy_and_yaml_alone() -> None:
    code = (
        "import sys, json, kibble.rewards.keypoints.fixed.proposer; "
        "print(json.dumps([name for name in ('torch', 'cv2', 'gymnasium', 'mujoco') "
        "if name in sys.modules]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert json.loads(shown) == []
