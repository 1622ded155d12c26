"""A marked scene to try things on."""

from __future__ import annotations

from kibble.rewards.keypoints.fixed.scene import MarkedScene
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

INSTRUCTION = "push the red cube onto the green pad"


def marked_scene(instruction: str | None = INSTRUCTION) -> MarkedScene:
    places = {
        Role.GRIPPER: {"front": (48.0, 20.25), "side": (30.0, 20.0)},
        Role.GRASP: {"front": (40.0, 50.0), "side": (35.0, 60.0)},
        Role.FUNCTION: {"front": (44.0, 55.0)},
        Role.TARGET: {"front": (70.5, 80.0), "side": (60.0, 70.0)},
    }
    return MarkedScene(
        proposal=Proposal(
            keypoints={role: Keypoint(pixels=pixels) for role, pixels in places.items()},
            waypoints=(
                Waypoint(
                    mover=Role.GRIPPER, anchor=Role.GRASP, height=0.06, gripper=GripperState.OPEN
                ),
                Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP),
                Waypoint(mover=Role.FUNCTION, pixels={"front": (60.0, 70.0)}, height=0.1),
                Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET, height=0.05),
            ),
            sizes={"front": (96, 96), "side": (96, 128)},
            source="marks.yaml",
        ),
        instruction=instruction,
    )
