"""A red square on a speckled table, a post that may stand before it, and their depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import pack_depth
from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.types import Frames

SIZE = 96
TARGET = (20.5, 70.5)
"""A mark that stands still."""


def picture(
    square: tuple[float, float], *, post: int | None = None, depth: bool = False
) -> dict[str, NDArray[np.uint8]]:
    """One frame: the square of 13 pixels around a point, and a post from a column on, 14 wide."""
    table = np.random.default_rng(0).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    metres = np.full((SIZE, SIZE), 1.0)
    table[66:75, 16:25] = (40, 160, 60)
    u, v = int(square[0]), int(square[1])
    table[v - 6 : v + 7, u - 6 : u + 7] = (200, 40, 40)
    table[v - 2 : v + 3, u - 2 : u + 3] = (240, 220, 60)
    metres[v - 6 : v + 7, u - 6 : u + 7] = 0.95
    if post is not None:
        table[:, post : post + 14] = (150, 150, 150)
        metres[:, post : post + 14] = 0.6
    frames = {"front": table[None]}
    if depth:
        frames["front_depth"] = pack_depth(metres)[None]
    return frames


def proposal(square: tuple[float, float], *, confidence: float = 1.0) -> Proposal:
    """Mark the square as function point and gripper, and the green mark as target."""
    at = {"front": square}
    return Proposal(
        keypoints={
            Role.GRIPPER: Keypoint(pixels=at),
            Role.FUNCTION: Keypoint(pixels=at, confidence=confidence),
            Role.TARGET: Keypoint(pixels={"front": TARGET}),
        },
        waypoints=(Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET),),
        sizes={"front": (SIZE, SIZE)},
        source="a test",
    )


class ScriptedDetector:
    """Says of the function point in every frame what it was told to say next."""

    def __init__(self, script: Sequence[tuple[float, float, float, float]]) -> None:
        self.script = list(script)
        """(u, v, confidence, visible) by frame."""
        self.asked: list[int] = []
        """Episodes in every call."""

    def detect(self, instructions: Sequence[str], frames: Frames) -> Detections:
        count = len(instructions)
        self.asked.append(count)
        pixels = np.zeros((count, len(ROLES), 2), np.float32)
        confidence = np.zeros((count, len(ROLES)), np.float32)
        visible = np.zeros((count, len(ROLES)), np.float32)
        u, v, sure, sight = self.script.pop(0)
        row = ROLES.index(Role.FUNCTION)
        pixels[:, row], confidence[:, row], visible[:, row] = (u, v), sure, sight
        pixels[:, ROLES.index(Role.TARGET)] = TARGET
        confidence[:, ROLES.index(Role.TARGET)] = visible[:, ROLES.index(Role.TARGET)] = 0.9
        return Detections(
            pixels={"front": pixels}, confidence={"front": confidence}, visible={"front": visible}
        )
