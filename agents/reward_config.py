"""Where progress comes from: a schema free of heavy imports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError
from kibble.rewards.reference import parse_reference

__all__ = ["READINGS", "RewardConfig"]

REWARD_KINDS = ("model", "sparse", "oracle", "oracle_keypoints")
READINGS = ("absolute", "incremental", "forward", "backward", "mean", "gated")
COMBININGS = ("min", "product", "weighted", "lexicographic")
MISSING_VIEWS = ("learned", "flag")


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Where progress comes from.

    Args:
        name: Short name for directories and tables.
        kind: model (frames to progress), sparse (the task's own reward alone), oracle (the
            simulator's progress; for studies only) or oracle_keypoints (a keypoint reward that
            the simulator tells where everything is; for studies only).
        weights: The reward model, as NAME, NAME@WEIGHTS, 'NAME@WEIGHTS?key=value&key=value' or a
            directory of weights; kibble models lists the names. For kind=model.
        reading: Of the embedded model, how hops between frames become progress: absolute,
            incremental, forward, mean or gated; backward needs goal frames.
        missing_view: Of the embedded model, learned (a stand-in replaces a view that the task
            lacks) or flag (such frames count as unanswered).
        goal: Picture of the finished scene, for models that need one and tasks that show none:
            finished.png, or {front: a.png, wrist: b.png}.
        also: Further reward models, read beside the first and combined with it.
        combine: How they are combined: min, product, weighted (their mean) or lexicographic (in
            the order given).
        shares: Of weighted, the weight of the first model and of each further one; equal where
            left out.
    """

    name: str = "sparse"
    kind: str = "sparse"
    weights: str | None = None
    reading: str = "absolute"
    missing_view: str = "learned"
    goal: Any = None
    also: list[str] = field(default_factory=list)
    combine: str = "min"
    shares: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        one_of("reward.combine", self.combine, COMBININGS)
        one_of("reward.kind", self.kind, REWARD_KINDS)
        one_of("reward.reading", self.reading, READINGS)
        one_of("reward.missing_view", self.missing_view, MISSING_VIEWS)
        if self.kind == "model" and not self.weights:
            raise ConfigError(
                "`reward.weights` must be given for a reward model, got null; "
                "write reward.weights=grm_tiny or the path of a weights folder."
            )
        for text in (self.weights, *self.also):
            if text is not None and text != "???":
                parse_reference(text)
        if self.goal is not None and self.kind != "model":
            raise ConfigError(
                f"`reward.goal` is for reward models, got {self.goal!r} with reward.kind="
                f"{self.kind}; choose reward=grm_tiny first, or leave it null."
            )
        if self.also and self.kind != "model":
            raise ConfigError(
                f"`reward.also` combines reward models, got {list(self.also)} with "
                f"reward.kind={self.kind}; choose reward=grm_tiny first, or leave it empty."
            )
        if self.shares:
            self._check_shares()

    def _check_shares(self) -> None:
        if self.combine != "weighted":
            raise ConfigError(
                f"`reward.shares` are for reward.combine=weighted, got {list(self.shares)} with "
                f"{self.combine}; leave them out, or combine by weight."
            )
        fit = len(self.shares) == 1 + len(self.also) and any(self.shares)
        if not fit or not all(math.isfinite(share) and share >= 0 for share in self.shares):
            raise ConfigError(
                "`reward.shares` must be one number of at least 0 for reward.weights and each of "
                f"reward.also, not all 0, got {list(self.shares)} for {1 + len(self.also)} "
                "models; write for example reward.shares=[2,1]."
            )
