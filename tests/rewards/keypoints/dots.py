"""A world whose keypoints are dots of four colours, and those who find them."""

from __future__ import annotations

import numpy as np

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.depth_frames import depth_view, pack_depth
from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import ROLES

COLOURS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], np.uint8)
SIZE = (96, 96)
RADIUS = 2


def cameras(*views):
    return read_cameras("tabletop", dict.fromkeys(views, SIZE))


def picture(camera, positions, hidden=()):
    """Dots, (1, H, W, 3), and depth in m, (1, H, W), of one camera; far dots first."""
    image = np.full((*SIZE, 3), 90, np.uint8)
    depth = np.full(SIZE, 3.0)
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]] + 0.5
    pixels, away = camera.project(positions), camera.depths(positions)
    for role in np.argsort(-away):
        if role in hidden or np.isnan(pixels[role]).any():
            continue
        u, v = pixels[role]
        dot = (columns - u) ** 2 + (rows - v) ** 2 <= RADIUS**2
        image[dot], depth[dot] = COLOURS[role], away[role]
    return image[None], depth[None]


def frames(positions, views=("front", "side"), *, hidden=None, depth=False):
    """Frames of (R, 3) m; `hidden` says which roles a view does not show."""
    shown = {}
    for view, camera in cameras(*views).items():
        shown[view], away = picture(camera, positions, (hidden or {}).get(view, ()))
        if depth:
            shown[depth_view(view)] = pack_depth(away)
    return shown


class DotDetector:
    """Finds the middle of each colour."""

    def detect(self, instructions, frames):
        pixels, confidence = {}, {}
        for view, images in frames.items():
            if view.endswith("_depth"):
                continue
            n = len(images)
            pixels[view] = np.zeros((n, len(ROLES), 2), np.float32)
            confidence[view] = np.zeros((n, len(ROLES)), np.float32)
            for row, image in enumerate(images):
                for role, colour in enumerate(COLOURS):
                    at = np.argwhere((image == colour).all(axis=-1))
                    if len(at):
                        pixels[view][row, role] = at.mean(axis=0)[::-1] + 0.5
                        confidence[view][row, role] = 0.9
        return Detections(pixels=pixels, confidence=confidence, visible=confidence)


class DotProposer:
    """Proposes the dots of the first frames on a given way."""

    name, version = "dots", "1"

    def __init__(self, waypoints):
        self.waypoints = tuple(waypoints)

    def propose(self, instruction, frames):
        found = DotDetector().detect([instruction], frames)
        keypoints = {}
        for row, role in enumerate(ROLES):
            views = [view for view, sure in found.confidence.items() if sure[0, row]]
            at = {view: tuple(found.pixels[view][0, row].tolist()) for view in views}
            keypoints[role] = Keypoint(pixels=at, confidence=0.9 if views else 0.0)
        return Proposal(
            keypoints=keypoints,
            waypoints=self.waypoints,
            sizes=dict.fromkeys((*frames, "front", "side"), SIZE),
            source=self.name,
        )
