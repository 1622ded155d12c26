"""Make a keypoint reward of a proposer and options."""

from __future__ import annotations

import hashlib

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.cameras.calibrated_views import calibration_folder
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.detections import Detector
from kibble.rewards.keypoints.lifting import Lifting
from kibble.rewards.keypoints.options import KeypointOptions
from kibble.rewards.keypoints.picture_lifting import PictureLifting
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.reward import KeypointReward
from kibble.rewards.keypoints.seen_locator import SeenLocator
from kibble.rewards.keypoints.space_lifting import SpaceLifting
from kibble.rewards.keypoints.tracking.opening import open_tracker
from kibble.rewards.keypoints.variant import Variant

__all__ = ["open_keypoints"]


def open_keypoints(
    card: ModelCard,
    options: KeypointOptions,
    proposer: Proposer,
    *,
    detector: Detector | None = None,
    tracker: str = "flow",
) -> KeypointReward:
    """Open a keypoint reward.

    Args:
        card: What is known of it.
        options: How keypoints are followed and paid, and whatever else makes its version.
        proposer: Marks keypoints and a way.
        detector: Finds keypoints in a frame, for trackers that need it.
        tracker: Which one, where the options name none.

    Raises:
        ConfigError: If there is no such tracker or calibration, or the tracker needs a detector.
        MissingDependencyError: If the tracker needs OpenCV and it is not installed.
    """
    follows = open_tracker(options.tracker or tracker, detector)
    fingerprint = f"{proposer.version} {follows.name}"
    lifting: Lifting
    cameras = None
    if options.variant == Variant.METRIC:
        lifting = SpaceLifting(
            options.calibration, options.pictures, method=options.lifting, surface=options.surface
        )
        cameras = lifting.cameras
        fingerprint += _fingerprint(options.calibration, options.pictures)
    else:
        lifting = PictureLifting(options.pictures[0])
    return KeypointReward(
        SeenLocator(proposer, follows, lifting, views=options.used),
        layout_spec(card, options, views=options.used, weights=fingerprint),
        options.path_settings(),
        cameras=cameras,
    )


def _fingerprint(calibration: str, views: tuple[str, ...]) -> str:
    """Return a digest of the calibration files, which change every estimate."""
    files = [calibration_folder(calibration) / f"{view}.yaml" for view in views]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ConfigError(
            f"`calibration` {calibration!r} must have a file for every view, got none of "
            f"{missing}; calibrate the camera, or leave the view out."
        )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
