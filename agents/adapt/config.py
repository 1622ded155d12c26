"""Settings of ``kibble adapt``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kibble.rewards.errors import ConfigError

__all__ = ["AdaptConfig"]


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """Settings of ``kibble adapt``.

    Args:
        demo: A demonstration that ends in success: a video, a folder of pictures (or of one such
            folder per view), a LeRobot dataset or a run directory; several as a list.
        out: Directory of the adapted weights, which reward=path reward.weights=DIR then loads.
        reward: Weights of the embedded model to start from: grm_tiny or a directory.
        instruction: What the demonstration does, in one sentence; null takes what the recording
            says.
        also: Further sentences that mean the same; no other wording is learned.
        episode: Number of the episode in a dataset or of a run, from 0.
        views: Views of the recording to use, such as [front], or {front: cam_high} to rename
            them; null takes those that it has, and calls a single video front.
        name: Name of the adapted model for logs and tables; null adds _adapted to the old one.
        mirror: Whether the task stays true with left and right exchanged, as it does where nothing
            has a fixed place on one side; not done where a sentence says left or right.
        recolour: Whether colours that the instruction names may be exchanged with others.
        analogy: Whether to use a known sentence whose progress runs along the demonstration.
        replay: Scenes of each task of the tabletop suite to record, on which the model goes on
            answering as before; 0 does without a simulator and forgets more.
        steps: Optimiser steps.
        copies: Copies of the demonstration in other looks.
        learning_rate: Peak learning rate.
        seed: Seed of every draw.
        threads: Threads that torch uses.
        overwrite: Whether weights in out may be replaced.
        quiet: Whether to leave out the progress bar and the summary.

    Raises:
        ConfigError: If a value is missing or out of range.
    """

    demo: Any = "???"  # what Hydra calls a key that must be given
    out: str = "???"
    reward: str = "grm_tiny"
    instruction: str | None = None
    also: list[str] = field(default_factory=list)
    episode: int = 0
    views: Any = None
    name: str | None = None
    mirror: bool = False
    recolour: bool = True
    analogy: bool = True
    replay: int = 8
    steps: int = 400
    copies: int = 48
    learning_rate: float = 1e-3
    seed: int = 0
    threads: int = 1
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.demo, str | list) or self.demo in ("", "???", []):
            raise ConfigError(
                f"`demo` must name a recording of the task being done, got {self.demo!r}; write "
                "demo=close.mp4 instruction='close the red drawer', or demo=data/drawer_close."
            )
        if self.out in ("", "???"):
            raise ConfigError(
                f"`out` must name a directory for the adapted weights, got {self.out!r}; write "
                "out=models/close."
            )
        for sentence in (self.instruction, *self.also):
            if sentence is not None and not any(map(str.isalnum, sentence)):
                raise ConfigError(
                    f"`instruction` and `also` must say in words what is done, got {sentence!r}; "
                    "write one sentence such as instruction='close the red drawer'."
                )
        for key, low in {
            "episode": 0,
            "replay": 0,
            "steps": 1,
            "copies": 1,
            "seed": 0,
            "threads": 1,
        }.items():
            if getattr(self, key) < low:
                raise ConfigError(f"`{key}` must be {low} or more, got {getattr(self, key)}.")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(
                f"`learning_rate` must lie in (0, 1), got {self.learning_rate}; try 1e-3."
            )

    @property
    def recordings(self) -> tuple[str, ...]:
        """The paths of ``demo``."""
        paths = [self.demo] if isinstance(self.demo, str) else self.demo
        return tuple(str(path) for path in paths)
