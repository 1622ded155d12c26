"""How well keypoints are followed through whole expert episodes, by the simulator's truth.

    python benchmarks/keypoint_tracking.py                      # the embedded network looks
    python benchmarks/keypoint_tracking.py --detector noisy     # truth with errors of a known size
    python benchmarks/keypoint_tracking.py --weights DIR        # own weights

Every task, three groups of seeds, held-out looks and the plain scene, two views of 96 x 96
pixels. Every tracker gets the same detections. The proposal is the network's own on the first
frame (with ``noisy``: the truth). Counted are all frames but the first; what is reported:

- within: points in sight that the track places within 5 pixels of the truth.
- within_hidden: the same of points that something hides.
- losses_told: of points more than 5 pixels off, those that the track does not call seen.
- hidden_told: of points that are hidden or outside the picture, those not called seen.
- seen_right: of points called seen, those within 5 pixels.
- seen_in_sight: of points in sight, those called seen.
- covered_told: the camera of one view is covered for six frames in the middle of the episode;
  of its points, those not called seen meanwhile.
- covered_back: of its points in sight, those within 5 pixels four frames later.

Intervals: bootstrap over episodes, 95 %.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from environment import write_results
from keypoint_episodes import VIEWS, TrueEpisode, expert_episodes
from numpy.typing import NDArray

from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.cameras.depth_frames import depth_view
from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.tracking.opening import open_tracker
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.types import Frames

NEAR = 5.0  # pixels
COVERED = 6  # frames
BACK = 4  # frames after the cover is gone
NOISE = 1.5  # pixels of the noisy detector
FIRST_SEEDS = (81_000, 82_000, 83_000)
TRACKERS = (
    ("hybrid", 1, False),
    ("hybrid", 1, True),
    ("hybrid", 2, False),
    ("redetection", 1, False),
    ("flow", 1, False),
    ("flow", 1, True),
)
"""Name, frames from one detection to the next, whether depth is given."""

LOOKS = ("heldout", "plain")
Counts = dict[str, NDArray[np.float64]]
"""Measure to (2,): how many, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One episode under one tracker; processor ms and looks of the detector are per step."""

    look: str
    tracker: tuple[str, int, bool]
    task: str
    group: int
    ms: float
    looks: float
    counts: Counts


class Replayed:
    """Gives the detections of one frame of an episode; of a black view, what is found there.

    Args:
        found: In the T frames.
        dark: In one black frame.
    """

    def __init__(self, found: Detections, dark: Detections) -> None:
        self.now = 0
        self.looks = 0
        self._found = found
        self._dark = dark

    def detect(self, instructions: Sequence[str], frames: Frames) -> Detections:
        """Return what was found in frame ``now``."""
        self.looks += 1
        chosen = {
            view: (self._found, self.now) if images.any() else (self._dark, 0)
            for view, images in frames.items()
        }
        return Detections(
            pixels={v: found.pixels[v][[at]] for v, (found, at) in chosen.items()},
            confidence={v: found.confidence[v][[at]] for v, (found, at) in chosen.items()},
            visible={v: found.visible[v][[at]] for v, (found, at) in chosen.items()},
        )


def noisy(episode: TrueEpisode) -> Detections:
    """Return the truth with errors: 3 % of points are wild, 5 % missed, 5 % wrongly in sight."""
    rng = np.random.default_rng(episode.seed)
    shape = episode.visible.shape  # (T, V, R)
    spread = np.where(episode.visible, NOISE, 2.5 * NOISE)[..., None]
    pixels = np.nan_to_num(episode.pixels) + rng.normal(size=(*shape, 2)) * spread
    wild = rng.random(shape) < 1 / 30
    pixels[wild] = rng.uniform(0, 96, (int(wild.sum()), 2))
    confidence = np.where(episode.visible, 0.9, 0.7) * (rng.random(shape) >= 0.05)
    visible = np.where((rng.random(shape) < 0.05) ^ episode.visible, 0.9, 0.1)
    return _by_view(pixels, confidence * episode.inside, visible)


def _by_view(
    pixels: NDArray[np.float64], confidence: NDArray[np.float64], visible: NDArray[np.float64]
) -> Detections:
    return Detections(
        pixels={v: pixels[:, i].astype(np.float32) for i, v in enumerate(VIEWS)},
        confidence={v: confidence[:, i].astype(np.float32) for i, v in enumerate(VIEWS)},
        visible={v: visible[:, i].astype(np.float32) for i, v in enumerate(VIEWS)},
    )


def true_proposal(episode: TrueEpisode) -> Proposal:
    """Mark the truth of the first frame."""
    keypoints = {}
    for row, role in enumerate(ROLES):
        at = {
            view: (float(episode.pixels[0, i, row, 0]), float(episode.pixels[0, i, row, 1]))
            for i, view in enumerate(VIEWS)
            if episode.inside[0, i, row]
        }
        if at:
            keypoints[role] = Keypoint(pixels=at)
    return Proposal(
        keypoints=keypoints,
        waypoints=TASKS[episode.task].plan,
        sizes={view: episode.frames[view].shape[1:3] for view in VIEWS},
        source="the simulator",
    )


def covered(frames: Frames, view: str, first: int) -> Frames:
    """Return frames of an episode in which one view is black for a while."""
    hidden = {name: images.copy() for name, images in frames.items()}
    hidden[view][first : first + COVERED] = 0
    if depth_view(view) in hidden:
        hidden[depth_view(view)][first : first + COVERED] = 0
    return hidden


def follow(
    episode: TrueEpisode,
    frames: Frames,
    proposal: Proposal,
    detector: Replayed,
    tracker: tuple[str, int, bool],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    """Track an episode: (T, V, R) error in pixels, whether called seen, processor ms per step."""
    name, every, depth = tracker
    follower = open_tracker(name, detector, settings=TrackingSettings(every=every))
    used = {view: each for view, each in frames.items() if depth or view in VIEWS}
    steps = len(episode.pixels)
    memory = follower.begin(
        episode.instruction, proposal, {view: each[:1] for view, each in used.items()}
    )
    error = np.full(episode.visible.shape, np.nan)
    seen = np.zeros(episode.visible.shape, np.bool_)
    spent = 0.0
    for now in range(1, steps):
        detector.now = now
        start = time.process_time()
        tracks = follower.update(
            [memory], {view: each[now : now + 1] for view, each in used.items()}
        )
        spent += time.process_time() - start
        for i, view in enumerate(VIEWS):
            error[now, i] = np.linalg.norm(
                tracks.pixels[view][0] - episode.pixels[now, i], axis=-1
            )
            seen[now, i] = tracks.state[view][0] == TrackState.SEEN
    return error[1:], seen[1:], 1000 * spent / max(1, steps - 1)


def count(episode: TrueEpisode, error: NDArray[np.float64], seen: NDArray[np.bool_]) -> Counts:
    """Count what the module's text defines, of one episode."""
    asked = np.isfinite(error)  # roles that the task has
    sight = episode.visible[1:] & asked
    inside = episode.inside[1:] & asked
    near = error <= NEAR

    def share(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.array([(hits & of).sum(), of.sum()], np.float64)

    return {
        "within": share(near, sight),
        "within_hidden": share(near, inside & ~sight),
        "losses_told": share(~seen, inside & ~near),
        "hidden_told": share(~seen, asked & ~sight),
        "seen_right": share(near & inside, seen & asked),
        "seen_in_sight": share(seen, sight),
        **{
            f"within_{role.value}": share(near[..., row], sight[..., row])
            for row, role in enumerate(ROLES)
        },
    }


def count_covered(
    episode: TrueEpisode, proposal: Proposal, detector: Replayed, tracker: tuple[str, int, bool]
) -> Counts:
    """Count what a covered camera is told, and how it is afterwards."""
    first = len(episode.pixels) // 3
    frames = covered(episode.frames, VIEWS[0], first)
    error, seen, _ = follow(episode, frames, proposal, detector, tracker)
    asked = np.isfinite(error[:, 0])
    meanwhile = slice(first - 1, first - 1 + COVERED)  # the first frame is not counted
    later = slice(first - 1 + COVERED + BACK - 1, first - 1 + COVERED + BACK)
    back = episode.visible[1:, 0][later] & asked[later]
    return {
        "covered_told": np.array(
            [(~seen[meanwhile, 0] & asked[meanwhile]).sum(), asked[meanwhile].sum()], np.float64
        ),
        "covered_back": np.array(
            [((error[later, 0] <= NEAR) & back).sum(), back.sum()], np.float64
        ),
    }


def summary(counts: Sequence[Counts]) -> dict[str, dict[str, float]]:
    """Return shares of all episodes together, with bootstrap intervals over them."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(counts), size=(1000, len(counts)))
    result: dict[str, dict[str, float]] = {}
    for name in counts[0]:
        table = np.stack([each[name] for each in counts])  # (E, 2)
        hits, of = table.sum(axis=0)
        if not of:
            continue
        drawn = table[draws].sum(axis=1)  # (1000, 2)
        shares = drawn[drawn[:, 1] > 0, 0] / drawn[drawn[:, 1] > 0, 1]
        low, high = np.percentile(shares, [2.5, 97.5])
        result[name] = {
            "share": round(hits / of, 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "points": int(of),
        }
    return result


def main() -> None:
    """Record, track, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", choices=("embedded", "noisy"), default="embedded")
    parser.add_argument("--weights", default="keypoint_tiny", help="name or directory")
    parser.add_argument("--episodes", type=int, default=3, help="of every task, look and group")
    parser.add_argument("--tasks", default=",".join(TASKS))
    given = parser.parse_args()
    cv2.setNumThreads(1)
    network = None
    if given.detector == "embedded":
        network = EmbeddedDetector.load(given.weights, views=VIEWS)
    rows: list[Row] = []
    for task in given.tasks.split(","):
        for look in LOOKS:
            seeds = [first + n for first in FIRST_SEEDS for n in range(given.episodes)]
            for episode in expert_episodes(task, seeds, heldout=look == "heldout"):
                rows += judge(episode, look, network)
            print(task, look, flush=True)
    name = "keypoint_tracking" if network else "keypoint_tracking_noisy"
    figures = {
        "detector": f"{network.name} {network.version[:12]}" if network else "noisy",
        "near": NEAR,
        "episodes_per_group": given.episodes,
        "seeds": FIRST_SEEDS,
        "rows": [report(rows, look, tracker) for look in LOOKS for tracker in TRACKERS],
    }
    print(write_results(name, figures))


def judge(episode: TrueEpisode, look: str, network: EmbeddedDetector | None) -> list[Row]:
    """Track one episode with every tracker, all of which get the same detections."""
    found, dark, proposal = looked(episode, network)
    rows = []
    for tracker in TRACKERS:
        detector = Replayed(found, dark)
        error, seen, spent = follow(episode, episode.frames, proposal, detector, tracker)
        counts = count(episode, error, seen)
        if not tracker[2]:
            counts |= count_covered(episode, proposal, Replayed(found, dark), tracker)
        rows.append(
            Row(
                look=look,
                tracker=tracker,
                task=episode.task,
                group=episode.seed // 1000,
                ms=spent,
                looks=detector.looks / len(error),
                counts=counts,
            )
        )
    return rows


def looked(
    episode: TrueEpisode, network: EmbeddedDetector | None
) -> tuple[Detections, Detections, Proposal]:
    """Return what is found in all frames and in a black one, and the proposal."""
    pictures = {view: episode.frames[view] for view in VIEWS}
    first = {view: each[:1] for view, each in pictures.items()}
    if network is None:
        nothing = np.zeros((1, len(VIEWS), len(ROLES)))
        return (
            noisy(episode),
            _by_view(np.zeros((*nothing.shape, 2)), nothing, nothing),
            (true_proposal(episode)),
        )
    return (
        network.detect([episode.instruction] * len(episode.pixels), pictures),
        network.detect(
            [episode.instruction], {v: np.zeros_like(each) for v, each in first.items()}
        ),
        EmbeddedProposer(network).propose(episode.instruction, first),
    )


def report(rows: Sequence[Row], look: str, tracker: tuple[str, int, bool]) -> dict[str, object]:
    """Summarise one tracker in one look: together, and by group of seeds and by task."""
    mine = [row for row in rows if (row.look, row.tracker) == (look, tracker)]
    whole = summary([row.counts for row in mine])
    name, every, depth = tracker
    shares = {key: f"{value['share']:.3f}" for key, value in whole.items()}
    print(look, name, f"every={every}", f"depth={depth}", shares)
    return {
        "look": look,
        "tracker": name,
        "every": every,
        "depth": depth,
        "episodes": len(mine),
        "measures": whole,
        "groups": {
            str(group): {
                key: summary([row.counts for row in mine if row.group == group])[key]["share"]
                for key in ("within", "hidden_told", "seen_right")
            }
            for group in sorted({row.group for row in mine})
        },
        "tasks": {
            task: summary([row.counts for row in mine if row.task == task])["within"]["share"]
            for task in dict.fromkeys(row.task for row in mine)
        },
        "processor_ms_per_step_without_detection": round(
            float(np.median([row.ms for row in mine])), 3
        ),
        "looks_per_step": round(float(np.mean([row.looks for row in mine])), 3),
    }


if __name__ == "__main__":
    main()
