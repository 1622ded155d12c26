"""A locator that knows where everything is, because it was told for every frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.located import Located, Opened
from kibble.rewards.keypoints.reward import KeypointReward, PathSettings
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.types import ModelSpec

PUSH = (
    Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, height=0.06),
    Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP),
    Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET, height=0.05),
)
X, Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
SPEC = ModelSpec(
    name="scripted", version="1", views=("front",), required_views=("front",), image_size=None
)


def frames(number, steps=1):
    """Frames that say which row of the script they show, in their first two bytes."""
    pictures = np.zeros((steps, 12, 16, 3), np.uint8)
    pictures[:, 0, 0, 0], pictures[:, 0, 0, 1] = np.divmod(number + np.arange(steps), 256)
    return {"front": pictures}


@dataclass(frozen=True)
class ScriptedLocator:
    """Reads off each frame which row of a script it shows.

    Args:
        positions: (T, R, D); NaN makes a role lost.
        state: (T, R) int8, or None where everything known is seen.
        proposals: Row to (waypoints, confidence) or None for no proposal; other rows have `PUSH`.
    """

    positions: np.ndarray
    state: np.ndarray | None = None
    proposals: Mapping[int, tuple[Sequence[Waypoint], float] | None] | None = None

    def open(self, instruction, frames):
        row = int(self._rows(frames)[0])
        proposal = (self.proposals or {}).get(row, (PUSH, 1.0))
        if proposal is None:
            raise ProposalError(f"Row {row} has no proposal.")
        waypoints, confidence = proposal
        return Opened(
            waypoints=tuple(waypoints),
            places=np.full((len(waypoints), self.positions.shape[2]), np.nan),
            located=self._at([row]),
            confidence=confidence,
            memory={"opened_at": row},
        )

    def locate(self, memories, frames):
        assert len(memories) == len(frames["front"])
        return self._at(self._rows(frames))

    def _rows(self, frames):
        bytes_ = frames["front"][:, 0, 0].astype(int)
        return bytes_[:, 0] * 256 + bytes_[:, 1]

    def _at(self, rows):
        positions = self.positions[rows]
        lost = np.isnan(positions).any(-1)
        state = np.zeros(lost.shape, np.int8) if self.state is None else self.state[rows]
        state = np.where(lost, TrackState.LOST, state).astype(np.int8)
        confidence = np.where(state == TrackState.LOST, 0.0, 0.9).astype(np.float32)
        return Located(positions=positions, state=state, confidence=confidence)


def reward(locator, **settings):
    return KeypointReward(locator, SPEC, PathSettings(**settings))


def scene(hand, cube=(0.4, 0.0, 0.05), target=(0.6, 0.0, 0.0)):
    """Positions (R, 3) of a push along x: gripper, grasp, function and target."""
    cube = np.asarray(cube, float)
    return np.array([hand, cube - [0.046, 0.0, 0.025], cube, target])


def pushed(step=0.01):
    """Rows of a whole push: over the point behind the cube, down, along."""
    rows = []
    hand, cube = np.array([0.25, 0.1, 0.15]), np.array([0.4, 0.0, 0.05])
    rows.append(scene(hand, cube))
    grasp = cube - [0.046, 0.0, 0.025]
    for goal, pushes in (
        (grasp + 0.06 * Z, False),
        (grasp, False),
        (grasp + 0.2 * X, True),
    ):
        while (left := np.linalg.norm(goal - hand)) > 1e-9:
            move = (goal - hand) * min(1.0, step / left)
            hand = hand + move
            cube = cube + move if pushes else cube
            rows.append(scene(hand, cube))
    return np.stack(rows)
