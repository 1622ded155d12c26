"""A proposal drawn over the pictures that it was made on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kibble.agents.keypoints.drawing import Mark, draw_keypoints
from kibble.agents.keypoints.markers import Pixel
from kibble.agents.keypoints.way import Stop, stops_in_picture, stops_in_space
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.triangulation import triangulate
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.tracks import TrackState

__all__ = ["Truth", "draw_proposed", "largest_error"]

Truth = Mapping[str, Mapping[Role, Pixel]]
"""View to the pixels at which the roles are in truth."""

_SURE = 0.5  # a point less sure than this is drawn as one that is out of sight
_NATIVE = 96  # pixels of height that errors are told for


def draw_proposed(
    picture: NDArray[np.uint8],
    view: str,
    proposal: Proposal | None,
    *,
    cameras: Mapping[str, Camera],
    truth: Truth,
    height: int,
) -> Image.Image:
    """Draw one view of a proposal.

    Args:
        picture: (H, W, 3) uint8 RGB.
        view: Its name.
        proposal: What was marked; ``None`` leaves the picture as it is.
        cameras: Calibrated views of the scene; where two of them show a point, waypoints are drawn
            at their heights.
        truth: Drawn as white dots; may be empty.
        height: Of the drawing, pixels.
    """
    scale = height / picture.shape[0]
    size = (round(picture.shape[1] * scale), height)
    image = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
    if proposal is not None:
        marks = [
            Mark(
                role=role,
                pixel=keypoint.pixels[view],
                state=TrackState.SEEN if keypoint.confidence >= _SURE else TrackState.OCCLUDED,
            )
            for role, keypoint in proposal.keypoints.items()
            if view in keypoint.pixels
        ]
        stops = _stops(proposal, view, cameras)
        image = draw_keypoints(
            image, marks, stops, scale=(size[0] / picture.shape[1], scale), radius=height / 40
        )
    pen = ImageDraw.Draw(image)
    for u, v in truth.get(view, {}).values():
        x, y = u * scale, v * scale
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(18, 18, 22))
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=(255, 255, 255))
    return image


def largest_error(proposal: Proposal, truth: Truth) -> tuple[Role, float] | None:
    """Return the role that is farthest off in any view, and by how many pixels at 96 rows.

    ``None`` where nothing can be compared.
    """
    errors: dict[Role, float] = {}
    for role, keypoint in proposal.keypoints.items():
        for view, pixel in keypoint.pixels.items():
            true = truth.get(view, {}).get(role)
            if true is not None:
                unit = _NATIVE / proposal.sizes[view][0]
                gap = float(np.hypot(pixel[0] - true[0], pixel[1] - true[1])) * unit
                errors[role] = max(gap, errors.get(role, 0.0))
    if not errors:
        return None
    worst = max(errors, key=errors.__getitem__)
    return worst, errors[worst]


def _stops(proposal: Proposal, view: str, cameras: Mapping[str, Camera]) -> list[Stop]:
    """Place the way by pixels, and at its heights where two cameras know the place."""
    marked = {
        role: keypoint.pixels[view]
        for role, keypoint in proposal.keypoints.items()
        if view in keypoint.pixels
    }
    flat = {stop.number: stop for stop in stops_in_picture(proposal.waypoints, marked, view)}
    known = [name for name in cameras if name in proposal.sizes]
    if len(known) > 1 and view in known:
        pixels = np.full((len(known), len(proposal.waypoints), 2), np.nan)  # (V, W, 2)
        for v, name in enumerate(known):
            fit = np.array(
                [
                    cameras[name].width / proposal.sizes[name][1],
                    cameras[name].height / proposal.sizes[name][0],
                ]
            )
            for w, waypoint in enumerate(proposal.waypoints):
                here = (
                    waypoint.pixels
                    if waypoint.anchor is None
                    else proposal.keypoints[waypoint.anchor].pixels
                )
                if name in here:
                    pixels[v, w] = np.asarray(here[name]) * fit
        places = triangulate([cameras[name] for name in known], pixels).positions  # (W, 3) m
        flat |= {
            stop.number: stop for stop in stops_in_space(proposal.waypoints, places, cameras[view])
        }
    return [flat[number] for number in sorted(flat)]
