"""The pairwise reward models over tiny random weights of the architectures they were made for.

Opened as users open them, by reference; each model once per process.
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
from tests.rewards.vlm import tiny_models

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.catalogue import open_model
from kibble.rewards.types import Frames, Task

__all__ = ["NAMES", "SPOKEN", "noise", "opened", "reference", "task"]

SPOKEN = ("grm", "vlac", "lrm", "trend")  # they answer in words
NAMES = (*SPOKEN, "yes_token")
VIEWS = ("front", "wrist", "side")


@functools.cache
def _reference(name: str) -> str:
    if name == "grm":
        return f"grm@{tiny_models.qwen2_5_vl()}?dtype=float32"
    if name == "vlac":  # its done signal needs digits among the likeliest tokens
        return f"vlac@{tiny_models.internvl()}?dtype=float32&done=false"
    base = tiny_models.qwen3_vl()
    if name == "lrm":
        heads = ("contrastive", "progress", "completion")
        folders = [tiny_models.lora(base, seed=seed) for seed in range(3)]
        named = "&".join(f"{h}={folder}" for h, folder in zip(heads, folders, strict=True))
        return f"lrm?base={base}&mode=tri&{named}&dtype=float32"
    return f"{name}@{base}?dtype=float32"


def reference(name: str, **options: str) -> str:
    """The model's reference; words of a random model follow no grammar but a constrained one."""
    return _reference(name) + "".join(f"&{key}={value}" for key, value in options.items())


@functools.cache
def opened(name: str, constrain: bool = True) -> GenerativeReward:
    options = {"constrain": str(constrain).lower()} if name in SPOKEN else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about its own classes
        model = open_model(reference(name, **options))
    assert isinstance(model, GenerativeReward)
    return model


def noise(seed: int, n: int = 1) -> Frames:
    """N random frames of three views."""
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (n, 48, 64, 3), np.uint8) for view in VIEWS}


def task(instruction: str = "push the red cube onto the green pad") -> Task:
    return Task(instruction=instruction, goal_frames=noise(99))
