"""The pairwise reward models over tiny random weights of the architectures they were made for.

Opened as users open them, by reference; each model once per process.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import numpy as np
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.tiny_adapters import lora

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.catalogue import open_model
from kibble.rewards.types import Frames, Task
from kibble.rewards.vlm.backend import Backend, BackendSpec
from kibble.rewards.vlm.questions import Answer, Question, Ratings, Reply

__all__ = ["NAMES", "SPOKEN", "Recorder", "noise", "opened", "recorded", "reference", "task"]

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
        folders = [lora(base, seed=seed) for seed in range(3)]
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


class Recorder:
    """A back end that hands questions on and keeps what was answered."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.heard: list[tuple[Question, Answer]] = []

    @property
    def spec(self) -> BackendSpec:
        return self._inner.spec

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        answers = self._inner.answer(questions)
        self.heard += zip(questions, answers, strict=True)
        return answers

    def logprobs(self) -> list[float]:
        """All log-probabilities of all answers, in order: what the model computed.

        But for those of ends of answers, which not every back end tells of.
        """
        told: list[float] = []
        for _, answer in self.heard:
            if isinstance(answer, Reply):
                said = [token for token in answer.tokens if not token.text.startswith("<|")]
                told += [token.logprob for token in said]
            elif isinstance(answer, Ratings):
                told += answer.logprobs.tolist()
        return told


def recorded(model: GenerativeReward) -> tuple[GenerativeReward, Recorder]:
    """The same model over a back end that keeps what was answered."""
    recorder = Recorder(model.backend)
    return GenerativeReward(model._layout, recorder), recorder


def noise(seed: int, n: int = 1) -> Frames:
    """N random frames of three views."""
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (n, 48, 64, 3), np.uint8) for view in VIEWS}


def task(instruction: str = "push the red cube onto the green pad") -> Task:
    return Task(instruction=instruction, goal_frames=noise(99))
