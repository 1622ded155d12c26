"""A keypoint network and scenes of coloured squares, small enough to train within a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kibble.agents.keypoint_training.samples import Samples
from kibble.agents.keypoint_training.shards import ABSENT, VISIBLE, Shard
from kibble.rewards.keypoints.embedded.loading import save_network
from kibble.rewards.keypoints.embedded.network import KeypointConfig, KeypointNetwork
from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.waypoint import Waypoint

SIDE = 32
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (20, 170, 40)}
WORDS = ("blue", "go", "green", "red", "square", "the", "to", "touch")
REACH = Plan(name="toy", waypoints=(Waypoint(mover=Role.GRIPPER, anchor=Role.TARGET),))
PUSH = Plan(
    name="other",
    waypoints=(
        Waypoint(mover=Role.GRIPPER, anchor=Role.GRASP, height=0.05),
        Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET),
    ),
)
GRIPPER, TARGET = ROLES.index(Role.GRIPPER), ROLES.index(Role.TARGET)


def toy_network(seed: int = 0, plans: tuple[Plan, ...] = (REACH, PUSH)) -> KeypointNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return KeypointNetwork(
            KeypointConfig(
                vocabulary=WORDS,
                plans=plans,
                image_size=(SIDE, SIDE),
                channels=(8, 16, 16),
                blocks=1,
                features=16,
                fine=16,
                queries=4,
                context=32,
                text=16,
            )
        )


def saved(directory: Path, seed: int = 0) -> Path:
    save_network(toy_network(seed), directory, name="toy")
    return directory


def toy_shard(count: int, seed: int = 0) -> Shard:
    """Frames with a white hand and squares of two of three colours; the third is not there."""
    rng = np.random.default_rng(seed)
    frames = np.full((count, SIDE, SIDE, 3), 90, np.uint8)
    rows: list[tuple[int, str, bool, np.ndarray]] = []
    for frame in range(count):
        spots = rng.permutation([(8, 8), (24, 8), (8, 24), (24, 24)])[:3] + rng.integers(-3, 4, 2)
        here = rng.permutation(list(COLOURS))
        colours = [(250, 250, 250), *(COLOURS[name] for name in here[:2])]
        for (x, y), colour in zip(spots, colours, strict=True):
            frames[frame, y - 3 : y + 3, x - 3 : x + 3] = colour
        for number, name in enumerate(here):
            pixels = np.full((len(ROLES), 2), np.nan, np.float32)
            pixels[GRIPPER] = spots[0]
            if number < 2:
                pixels[TARGET] = spots[1 + number]
            rows.append((frame, str(name), number < 2, pixels))
    sentences = [
        text.format(name) for name in COLOURS for text in ("touch the {} square", "go to {}")
    ]
    names = list(COLOURS)
    pixels = np.stack([row[3] for row in rows])
    return Shard(
        frames=frames,
        views=np.array(["front"] * count),
        looks=np.array(["plain", "heldout"] * count)[:count],
        scenes=np.array(["toy"] * count),
        episodes=np.arange(count, dtype=np.int32),
        sample_frames=np.array([row[0] for row in rows], np.int32),
        plans=np.array(["toy"] * len(rows)),
        phrasings=np.array(
            [[2 * names.index(r[1]), 2 * names.index(r[1]) + 1] for r in rows], np.int32
        ),
        sentences=np.array(sentences),
        named=np.array([row[2] for row in rows]),
        pixels=pixels,
        positions=np.concatenate([pixels, 0 * pixels[..., :1]], axis=-1),
        visibility=np.where(np.isnan(pixels[..., 0]), ABSENT, VISIBLE).astype(np.uint8),
    )


def toy_samples(count: int, seed: int = 0) -> Samples:
    return Samples.gather([toy_shard(count, seed)], ["toy"])
