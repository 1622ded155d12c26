"""The training loop of the keypoint network."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from kibble.agents.keypoint_training.batches import BatchSampler
from kibble.agents.keypoint_training.objective import loss_of
from kibble.agents.keypoint_training.samples import Samples
from kibble.rewards.errors import CheckpointError
from kibble.rewards.keypoints.embedded.network import KeypointNetwork

__all__ = ["KeypointTrainer", "KeypointTrainingSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypointTrainingSettings:
    """How a keypoint network is trained.

    Args:
        steps: Optimiser steps.
        pictures: Pictures per step.
        sentences: Sentences about each of them.
        learning_rate: Peak learning rate; warmed up, then a half cosine to 1 % of it.
        warmup: Steps of linear warm-up.
        weight_decay: Decoupled weight decay of matrices and kernels.
        average: Decay per step of the running average of the weights, which is what is kept.
        clip_norm: Largest norm of the gradient.
        seed: Seed of every draw.
        dtype: Dtype of pictures and feature maps; the weights stay float32.
        device: Where the network is trained.
    """

    steps: int
    pictures: int = 16
    sentences: int = 4
    learning_rate: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.02
    average: float = 0.997
    clip_norm: float = 2.0
    seed: int = 0
    dtype: torch.dtype = torch.bfloat16
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@final
class KeypointTrainer:
    """Trains one network; can stop and continue identically.

    Args:
        network: The network, trained in place.
        samples: Recorded keypoints.
        settings: How it is trained.
    """

    def __init__(
        self, network: KeypointNetwork, samples: Samples, settings: KeypointTrainingSettings
    ) -> None:
        self.settings = settings
        self.step = 0
        self._sampler = BatchSampler(
            samples,
            network.tokenizer,
            pictures=settings.pictures,
            sentences=settings.sentences,
            dtype=settings.dtype,
            seed=settings.seed,
        )
        network.to(device=settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network = network
        self._average = copy.deepcopy(network).requires_grad_(False)
        matrices = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    @property
    def network(self) -> KeypointNetwork:
        """The running average of the weights: the network to keep."""
        return self._average

    def run(
        self,
        *,
        until: int | None = None,
        on_step: Callable[[int, Mapping[str, float]], None] | None = None,
    ) -> None:
        """Train up to a step.

        Args:
            until: The step to stop at, or ``None`` for the last.
            on_step: Called with the number of steps taken and every term of the loss.

        Raises:
            CheckpointError: If the loss is not finite.
        """
        self._network.train()
        last = self.settings.steps if until is None else min(until, self.settings.steps)
        while self.step < last:
            for group in self._optimizer.param_groups:
                group["lr"] = self.learning_rate()
            loss, terms = loss_of(self._network, self._sampler.draw().to(self.settings.device))
            if not bool(torch.isfinite(loss)):
                worst = [name for name, term in terms.items() if not bool(torch.isfinite(term))]
                raise CheckpointError(
                    f"The training loss must be finite, got {worst} at step {self.step}; "
                    "lower the learning rate and continue from the last checkpoint."
                )
            self._optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self._network.parameters(), self.settings.clip_norm)
            self._optimizer.step()
            self.step += 1
            self._follow()
            if on_step is not None:
                on_step(self.step, {name: float(term.detach()) for name, term in terms.items()})

    def learning_rate(self) -> float:
        """Learning rate of the present step."""
        settings = self.settings
        warm = min(1.0, (self.step + 1) / max(1, settings.warmup))
        cosine = 0.5 + 0.5 * math.cos(math.pi * self.step / settings.steps)
        return settings.learning_rate * warm * (0.01 + 0.99 * cosine)

    def save(self, path: Path) -> None:
        """Write a checkpoint to continue from; the file appears whole or not at all."""
        state = {
            "step": self.step,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "rng": self._sampler.rng.bit_generator.state,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: If the file is missing, damaged, or of another network.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._network.load_state_dict(state["network"])
            self._average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (OSError, RuntimeError, KeyError, ValueError, pickle.UnpicklingError) as error:
            raise CheckpointError(
                f"A checkpoint must fit the network, got {path}: "
                f"{str(error).splitlines()[0]}; delete it to start again."
            ) from error
        self._sampler.rng.bit_generator.state = state["rng"]
        self.step = state["step"]

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running average; it follows faster at first, when it knows nothing."""
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        own: dict[str, Tensor] = self._network.state_dict()
        for name, value in self._average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(own[name], 1.0 - decay)
            else:
                value.copy_(own[name])
