"""What is known of keypoints, and how one more look at them changes it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracks import TrackState

__all__ = ["Sighting", "Track", "advance", "chosen"]

_IN_SIGHT = 0.65  # a hidden point that counts as seen misleads, a seen one as hidden does not
_HYSTERESIS = 0.1  # either side of it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Points followed in one view; ``...`` is any leading shape, here (N, R).

    Args:
        pixels: (..., 2) float32, (u, v).
        state: (...) int8 of :class:`TrackState`.
        confidence: (...) float32 in [0, 1]; 0 where lost.
        misses: (...) int32, frames in a row without a sign of the point.
        rumour: (..., 2) float32 pixels, where detections place a point that is elsewhere or lost.
        agreed: (...) int32, detections in a row that agree about the rumour.
        depth: (...) float32 m, of the nearest surface at the point when it was last seen; NaN
            where unknown.
        seen_at: (..., 2) float32 pixels where that was.
        wanted: (...) bool, whether the point is a part of the proposal; others stay lost.
    """

    pixels: NDArray[np.float32]
    state: NDArray[np.int8]
    confidence: NDArray[np.float32]
    misses: NDArray[np.int32]
    rumour: NDArray[np.float32]
    agreed: NDArray[np.int32]
    depth: NDArray[np.float32]
    seen_at: NDArray[np.float32]
    wanted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """One look at the points of a :class:`Track`, by any means.

    Args:
        pixels: (..., 2) float32; anything where the confidence is 0.
        confidence: (...) float32 in [0, 1], that the pixel is right.
        visible: (...) float32 in [0, 1], that nothing is before the point.
    """

    pixels: NDArray[np.float32]
    confidence: NDArray[np.float32]
    visible: NDArray[np.float32]


def advance(track: Track, sighting: Sighting, *, settings: TrackingSettings, width: int) -> Track:
    """Take one look at the points into account.

    A believed sighting within reach moves the point; the reach grows with the root of the frames
    since it was last found. One out of reach is a rumour until
    ``confirm`` of them in a row agree, and so is every sighting of a lost point. Without either
    the point stays where it was and its confidence fades: it counts as occluded for ``patience``
    frames, and as lost from then on. Between seen and occluded there is hysteresis.

    Args:
        track: What was known.
        sighting: What was found.
        settings: How sceptical, how patient.
        width: Width of the picture, pixels.

    Returns:
        What is known now; the arguments are left alone.
    """
    reach = np.float32(settings.jump * width)
    believed = track.wanted & (sighting.confidence >= settings.believe)  # (...)
    believed &= np.isfinite(sighting.pixels).all(axis=-1)
    lost = track.state == TrackState.LOST
    unsure = np.sqrt(1 + track.misses)  # nobody knows how far it went meanwhile
    near = np.linalg.norm(sighting.pixels - track.pixels, axis=-1) <= reach * unsure
    again = np.linalg.norm(sighting.pixels - track.rumour, axis=-1) <= reach
    doubted = believed & (lost | ~near)
    agreed = np.where(doubted, np.where(again & (track.agreed > 0), track.agreed + 1, 1), 0)
    taken = (believed & near & ~lost) | (doubted & (agreed >= settings.confirm))
    misses = np.where(taken, 0, track.misses + 1)
    margin = np.where(track.state == TrackState.SEEN, -_HYSTERESIS, _HYSTERESIS)
    seen = sighting.visible >= _IN_SIGHT + margin
    gone = lost | (misses > settings.patience) | ~track.wanted
    state = np.where(
        taken,
        np.where(seen, TrackState.SEEN, TrackState.OCCLUDED),
        np.where(gone, TrackState.LOST, TrackState.OCCLUDED),
    )
    faded = np.where(state == TrackState.LOST, 0.0, track.confidence * settings.fade)
    return Track(
        pixels=np.where(taken[..., None], sighting.pixels, track.pixels).astype(np.float32),
        state=state.astype(np.int8),
        confidence=np.where(taken, sighting.confidence, faded).astype(np.float32),
        misses=misses.astype(np.int32),
        rumour=np.where(doubted[..., None], sighting.pixels, track.rumour).astype(np.float32),
        agreed=np.where(taken, 0, agreed).astype(np.int32),
        depth=track.depth,
        seen_at=track.seen_at,
        wanted=track.wanted,
    )


def chosen(which: NDArray[np.bool_], one: Track, other: Track) -> Track:
    """Take points of one track where ``which``, (...) bool, is true, and of another elsewhere."""
    parts = {}
    for field in fields(Track):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        mask = which.reshape(which.shape + (1,) * (mine.ndim - which.ndim))
        parts[field.name] = np.where(mask, mine, theirs)
    return Track(**parts)
