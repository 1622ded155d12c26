"""What a training run of the embedded keypoint network is made of; free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["STAGES", "TASKS", "PretrainKeypointsConfig"]

STAGES = ("record", "train", "both")
TASKS = ("reach", "push", "pick_place", "drawer_open", "drawer_close", "peg_insert", "stack")


@dataclass(frozen=True, kw_only=True)
class PretrainKeypointsConfig:
    """Data and training of an embedded keypoint network; the defaults make keypoint_tiny.

    Args:
        stage: record, train, or both one after the other.
        out: Directory of the weights, the report and the model card.
        name: Name of the network for logs and tables.
        tasks: Tasks to record scenes of; each brings its plan.
        episodes_per_task: Episodes of each task to record, rounded up to whole files.
        heldout_episodes_per_task: The same of scenes that training never sees.
        data: Directory of the recording; files that are there already are used again.
        seed: Seed of scenes, behaviours, initial weights and batches.
        workers: Processes that record.
        steps: Optimiser steps.
        pictures: Pictures per optimiser step.
        sentences: Sentences about each of them.
        learning_rate: Peak learning rate.
        threads: Threads of the optimiser.
        device: auto, cpu, cuda or the like.
        resume: Whether to continue a run that was stopped.
        heldout_samples: Sentences per task and appearance that the report is made of.
        quiet: Whether to do without the progress bar.
    """

    stage: str = "both"
    out: str = "runs/keypoint_tiny"
    name: str = "keypoint_tiny"
    tasks: list[str] = field(default_factory=lambda: list(TASKS))
    episodes_per_task: int = 400
    heldout_episodes_per_task: int = 40
    data: str = "data/keypoints"
    seed: int = 0
    workers: int = 2
    steps: int = 5500
    pictures: int = 16
    sentences: int = 4
    learning_rate: float = 2e-3
    threads: int = 1
    device: str = "auto"
    resume: bool = False
    heldout_samples: int = 300
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ConfigError(f"`stage` must be one of {', '.join(STAGES)}, got {self.stage!r}.")
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise ConfigError(
                f"`tasks` must be some of {', '.join(TASKS)}, got {list(self.tasks)}; "
                "write for example 'tasks=[reach,push]'."
            )
        smallest = {
            "episodes_per_task": 1,
            "heldout_episodes_per_task": 1,
            "workers": 1,
            "steps": 1,
            "pictures": 2,
            "sentences": 1,
            "threads": 1,
            "heldout_samples": 2,
        }
        for key, low in smallest.items():
            if getattr(self, key) < low:
                raise ConfigError(f"`{key}` must be {low} or more, got {getattr(self, key)}.")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(
                f"`learning_rate` must lie in (0, 1), got {self.learning_rate}; try 2e-3."
            )
