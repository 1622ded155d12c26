"""The simulator's own keypoints, located and proposed: to judge by, and for studies.

They travel as frames of a view of their own, so that they go the way of every picture.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.replaying import replay
from kibble.envs.tabletop import TabletopEnv
from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.located import Located, Opened
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.reward import KeypointReward, PathSettings
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.types import Frames, ModelSpec

__all__ = [
    "ORACLE_KEYPOINTS",
    "OracleDetector",
    "OracleKeypointFrames",
    "OracleLocator",
    "OracleProposer",
    "keypoint_frames",
    "oracle_keypoint_reward",
    "read_keypoints",
    "replayed_keypoints",
]

_LOGGER = logging.getLogger(__name__)
ORACLE_KEYPOINTS = "oracle_keypoints"
"""The view whose frames are not pictures, but hold the places of the roles and the plan."""

_BYTES = len(ROLES) * 3 * 4
_PLANS = tuple(TASKS)


def keypoint_frames(task: str, affordances: Affordances) -> Frames:
    """Write keypoints into a frame of the view ``oracle_keypoints``.

    Args:
        task: Whose plan it is.
        affordances: The keypoints.

    Returns:
        (1, 1, 17, 3) uint8: the bytes of (R, 3) float32 m, the number of the plan, two of nothing.
    """
    content = affordances.positions.astype(np.float32).tobytes() + bytes(
        [_PLANS.index(task), 0, 0]
    )
    return {ORACLE_KEYPOINTS: np.frombuffer(content, np.uint8).reshape(1, 1, -1, 3).copy()}


def read_keypoints(frames: Frames) -> tuple[NDArray[np.float64], list[str]]:
    """Return the (N, R, 3) m places, NaN where absent, and the plans of N such frames."""
    content = frames[ORACLE_KEYPOINTS].reshape(len(frames[ORACLE_KEYPOINTS]), -1)  # (N, 51)
    places = np.ascontiguousarray(content[:, :_BYTES]).view(np.float32)
    numbers = content[:, _BYTES].tolist()
    return places.reshape(-1, len(ROLES), 3).astype(np.float64), [_PLANS[n] for n in numbers]


@final
class OracleLocator:
    """A :class:`~kibble.rewards.keypoints.located.Locator` that is told, and always right."""

    def open(self, instruction: str, frames: Frames) -> Opened:
        """Return the task's plan and where its keypoints are; the sentence is not heard."""
        _, plans = read_keypoints(frames)
        waypoints = TASKS[plans[0]].plan
        return Opened(
            waypoints=waypoints,
            places=np.full((len(waypoints), 3), np.nan),
            located=self.locate([{}], frames),
            confidence=1.0,
            memory={},
        )

    def locate(self, memories: Sequence[dict[str, object]], frames: Frames) -> Located:
        """Return where the keypoints of N scenes are."""
        positions, _ = read_keypoints(frames)
        known = np.isfinite(positions[..., 0])  # (N, R)
        return Located(
            positions=positions,
            state=np.where(known, TrackState.SEEN, TrackState.LOST).astype(np.int8),
            confidence=known.astype(np.float32),
        )


@final
class OracleDetector:
    """A :class:`~kibble.rewards.keypoints.detections.Detector` that is told.

    Args:
        cameras: Views to give pixels in.
    """

    def __init__(self, cameras: Mapping[str, Camera]) -> None:
        self._cameras = dict(cameras)

    def detect(self, instructions: Sequence[str], frames: Frames) -> Detections:
        """Project the keypoints of N frames; nothing is said of what hides them."""
        positions, _ = read_keypoints(frames)  # (N, R, 3) m
        flat = positions.reshape(-1, 3)
        pixels = {
            view: camera.project(flat).reshape(-1, len(ROLES), 2).astype(np.float32)
            for view, camera in self._cameras.items()
        }
        within = {view: self._within(view, each) for view, each in pixels.items()}
        return Detections(pixels=pixels, confidence=within, visible=within)

    def _within(self, view: str, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        camera = self._cameras[view]
        inside = (pixels >= 0.0) & (pixels < (camera.width, camera.height))  # NaN compares false
        return np.where(inside.all(axis=-1), np.float32(1.0), np.float32(0.0))


@final
class OracleProposer:
    """A :class:`~kibble.rewards.keypoints.proposer.Proposer` that is told.

    Args:
        cameras: Views to mark keypoints in.
    """

    name = "oracle"
    version = "simulator"

    def __init__(self, cameras: Mapping[str, Camera]) -> None:
        self._cameras = dict(cameras)
        self._detector = OracleDetector(cameras)

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Mark the keypoints that lie inside of at least one view.

        Raises:
            ProposalError: If gripper or target lie inside of none.
        """
        found = self._detector.detect([instruction], frames)
        _, plans = read_keypoints(frames)
        keypoints = {}
        for r, role in enumerate(ROLES):
            views = [view for view, sure in found.confidence.items() if sure[0, r]]
            if views:
                marked = {view: found.pixels[view][0, r].tolist() for view in views}
                keypoints[role] = Keypoint(
                    pixels={view: (u, v) for view, (u, v) in marked.items()}
                )
        return Proposal(
            keypoints=keypoints,
            waypoints=TASKS[plans[0]].plan,
            sizes={view: (camera.height, camera.width) for view, camera in self._cameras.items()},
            source=self.name,
        )


@final
class OracleKeypointFrames(gymnasium.Wrapper[object, object, object, object]):
    """Offers the instructed goal's keypoints as frames of the view ``oracle_keypoints``.

    Raises:
        ConfigError: If the environment is not of the tabletop suite.
    """

    def __init__(self, env: gymnasium.Env[object, object]) -> None:
        super().__init__(env)
        if not isinstance(env.unwrapped, TabletopEnv):
            raise ConfigError(
                "`reward=oracle_keypoints` needs a task of the tabletop suite, got "
                f"{type(env.unwrapped).__name__}; choose another task, or a reward model."
            )
        self._table: TabletopEnv = env.unwrapped

    @property
    def views(self) -> tuple[str, ...]:
        """The one view."""
        return (ORACLE_KEYPOINTS,)

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Write down the present keypoints; see :class:`kibble.envs.frames.FrameSource`."""
        return keypoint_frames(self._table.task.name, self._table.affordances())


def oracle_keypoint_reward(settings: PathSettings | None = None) -> KeypointReward:
    """Return the reward of ``reward=oracle_keypoints``, and warn of it."""
    _LOGGER.warning(
        "The reward reads the simulator's own keypoints (reward=oracle_keypoints): results say "
        "what perfect keypoints would give, not what Kibble gives."
    )
    spec = ModelSpec(
        name=ORACLE_KEYPOINTS,
        version="simulator",
        views=(ORACLE_KEYPOINTS,),
        required_views=(ORACLE_KEYPOINTS,),
        image_size=None,
    )
    return KeypointReward(OracleLocator(), spec, settings or PathSettings())


def replayed_keypoints(env: gymnasium.Env[object, object], folder: Path) -> list[Frames]:
    """Return the frames of the view ``oracle_keypoints`` of each demonstration in a folder.

    Args:
        env: The environment that they were recorded in, which is closed afterwards.
        folder: Demonstrations of ``kibble demos``.

    Raises:
        CheckpointError: If the folder holds none.
        ConfigError: If they do not play again as they were recorded.
    """
    source = OracleKeypointFrames(env)
    found: list[list[Frames]] = []
    for moment in replay(env, folder):
        if moment.step == 0:
            found.append([])
        found[-1].append(source.frames())
    return [concatenate_frames(frames) for frames in found]
