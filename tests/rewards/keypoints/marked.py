"""A file of keypoints that agree with the tabletop cameras."""

from __future__ import annotations

from pathlib import Path

from tests.rewards.keypoints.scripted import PUSH, scene

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.keypoints.fixed.file import write_file
from kibble.rewards.keypoints.fixed.scene import MarkedScene
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import ROLES

START = scene([0.42, 0.1, 0.15], cube=(0.46, -0.04, 0.05), target=(0.56, 0.1, 0.0))
VIEWS = ("front", "side")


def marked_file(folder: Path, size: tuple[int, int] = (96, 96)) -> Path:
    """Write the marks of a push on pictures of (height, width)."""
    cameras = read_cameras("tabletop", dict.fromkeys(VIEWS, size))
    keypoints = {
        role: Keypoint(
            pixels={view: tuple(camera.project(at).tolist()) for view, camera in cameras.items()}
        )
        for role, at in zip(ROLES, START, strict=True)
    }
    proposal = Proposal(
        keypoints=keypoints, waypoints=PUSH, sizes=dict.fromkeys(VIEWS, size), source="marked"
    )
    file = folder / "marked.yaml"
    write_file(file, MarkedScene(proposal=proposal, instruction=None))
    return file
