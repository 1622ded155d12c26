"""What a training run of the embedded reward model is made of; free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["TASKS", "PretrainConfig"]

TASKS = ("reach", "push", "pick_place", "drawer_open", "peg_insert", "stack")


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Data and training of an embedded reward model; grm_tiny took three stages, see its card.

    Args:
        out: Directory of the weights, the report and the model card.
        name: Name of the model for logs and tables.
        init: Known name or directory of weights to start from, or null to start from nothing.
        teacher: Known name or directory of weights, of a larger network for example, whose
            progress and success are learned from besides the labels, or null.
        tasks: Tasks to record clips of.
        episodes_per_task: Clips of each task.
        episode_steps: Control steps of each clip.
        stride: Control steps from one recorded frame to the next.
        data: Directory of recorded clips; those that are there already are used again.
        seed: Seed of scenes, behaviours, initial weights and batches.
        workers: Processes that record.
        steps: Optimiser steps.
        clips_per_batch: Clips per optimiser step.
        frames_per_clip: Frames of each of them, in every view.
        instructions_per_clip: Instructions that each of them is read with.
        learning_rate: Peak learning rate.
        threads: Threads of the optimiser.
        device: auto, cpu, cuda or the like.
        resume: Whether to continue a run that was stopped.
        heldout_episodes: Clips of each task and kind to calibrate on, and as many others to
            compare with the oracle afterwards.
        quiet: Whether to do without the progress bar.
    """

    out: str = "runs/grm_tiny"
    name: str = "grm_tiny"
    init: str | None = None
    teacher: str | None = None
    tasks: list[str] = field(default_factory=lambda: list(TASKS))
    episodes_per_task: int = 300
    episode_steps: int = 100
    stride: int = 2
    data: str = "data/pretrain"
    seed: int = 3
    workers: int = 2
    steps: int = 4000
    clips_per_batch: int = 32
    frames_per_clip: int = 6
    instructions_per_clip: int = 3
    learning_rate: float = 2e-3
    threads: int = 2
    device: str = "auto"
    resume: bool = False
    heldout_episodes: int = 4
    quiet: bool = False

    def __post_init__(self) -> None:
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise ConfigError(
                f"`tasks` must be some of {', '.join(TASKS)}, got {list(self.tasks)}; "
                "write for example 'tasks=[reach,push]'."
            )
        smallest = {
            "episodes_per_task": 1,
            "episode_steps": 1,
            "stride": 1,
            "workers": 1,
            "steps": 1,
            "clips_per_batch": 2,
            "frames_per_clip": 3,
            "instructions_per_clip": 1,
            "threads": 1,
            "heldout_episodes": 1,
        }
        for key, low in smallest.items():
            if getattr(self, key) < low:
                raise ConfigError(f"`{key}` must be {low} or more, got {getattr(self, key)}.")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(
                f"`learning_rate` must lie in (0, 1), got {self.learning_rate}; try 2e-3."
            )
