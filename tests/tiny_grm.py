"""A reward model small enough to be built, trained and reloaded within a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.network import GrmNetwork, NetworkConfig
from kibble.rewards.loading import save

SIDE = 32
WORDS = ("push", "the", "red", "blue", "cube", "to", "middle")
PHRASINGS = (("push the red cube to the middle",), ("push the blue cube to the middle",))


def tiny_network(seed: int = 0) -> GrmNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GrmNetwork(
            NetworkConfig(
                views=("front", "wrist"),
                vocabulary=WORDS,
                image_size=(SIDE, SIDE),
                channels=(8, 16, 16),
                blocks=1,
                features=16,
                queries=2,
                reading=16,
                hidden=32,
                text=16,
                keypoints=4,
            )
        )


def shaken_network(seed: int = 0) -> GrmNetwork:
    """A network whose readings differ from frame to frame, as those of a fresh one do not."""
    network = tiny_network()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def saved(directory: Path, seed: int = 0) -> Path:
    save(tiny_network(seed), directory, name="tiny")
    return directory


def noise_frames(count: int, seed: int = 0, views: tuple[str, ...] = ("front", "wrist")):
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8) for view in views}


def toy_clips(count: int, seed: int = 0, steps: int = 12) -> list[Clip]:
    """Red and blue squares that walk over a grey floor; progress is closeness to the middle."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(count):
        places = rng.uniform(5, SIDE - 5, (1, 2, 2)) + np.cumsum(
            rng.normal(0, 2, (steps, 2, 2)), axis=0
        )
        places = np.clip(places, 3, SIDE - 3)
        frames = np.full((steps, SIDE, SIDE, 3), 90, np.uint8)
        for t in range(steps):
            for k, colour in enumerate([(220, 30, 30), (30, 30, 220)]):
                x, y = places[t, k].astype(int)
                frames[t, y - 3 : y + 3, x - 3 : x + 3] = colour
        away = np.linalg.norm(places - SIDE / 2, axis=-1)  # (T, 2)
        progress = np.exp(-np.maximum(0.0, away - 2.0) / 8.0).astype(np.float32)
        clips.append(
            Clip(
                task="toy",
                frames={"front": frames, "wrist": np.ascontiguousarray(frames[:, ::-1])},
                progress=progress,
                success=progress >= 1.0,
                stage=(progress >= 0.5).astype(np.int8),
                state=(places.reshape(steps, 4) / SIDE).astype(np.float32),
                phrasings=PHRASINGS,
            )
        )
    return clips
