"""VLM-RM: the reward is how near a frame is to a sentence in CLIP's space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.clip.formulas import goal_baseline_reward, preference, rescaled
from kibble.rewards.clip.options import EncoderOptions
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, RewardModel

if TYPE_CHECKING:
    import torch

    from kibble.rewards.clip.encoder import ClipEncoder

__all__ = ["CARD", "GoalBaseline", "Options", "open_reward"]

CARD = ModelCard(
    name="clip",
    title="VLM-RM: nearness of a frame to a sentence in the space of CLIP, SigLIP or open_clip",
    opens="kibble.rewards.adapters.clip:open_reward",
    options="kibble.rewards.adapters.clip:Options",
    hub_ids=(
        "openai/clip-vit-base-patch32",
        "openai/clip-vit-large-patch14",
        "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
        "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k",
        "google/siglip-base-patch16-224",
    ),
    licence="unknown (openai), MIT (laion), Apache-2.0 (siglip)",
    views=("front",),
    history="none",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="arXiv 2310.12921; github.com/AlignmentResearch/vlmrm",
)

_PUBLISHED_ALPHA = 0.5


@dataclass(frozen=True, kw_only=True)
class Options(EncoderOptions):
    """What is near and far.

    Args:
        goal: Sentence that describes the finished scene, such as "an open drawer"; several are
            averaged. None takes the task's instruction.
        baseline: Sentence that describes the scene whatever is done, such as "a drawer"; several
            are averaged.
        alpha: How much only the way from baseline to goal counts, in [0, 1]; null takes the
            published 0.5 where there is a baseline, and 0 where there is none.
        low: Reward that becomes progress 0; null takes that of the episode's start frame.
        high: Reward that becomes progress 1; null takes that of the task's goal frame, which it
            then needs.

    Raises:
        ConfigError: If a value is out of range, or alpha needs a baseline and has none.
    """

    goal: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()
    alpha: float | None = None
    low: float | None = -1.0
    high: float | None = 1.0

    def __post_init__(self) -> None:
        EncoderOptions.__post_init__(self)
        if self.alpha is not None and not 0.0 <= self.alpha <= 1.0:
            raise ConfigError(f"`alpha` of clip must lie in [0, 1], got {self.alpha}.")
        if self.alpha and not self.baseline:
            raise ConfigError(
                f"`alpha` of clip above 0 needs `baseline`, got alpha={self.alpha} and none; "
                "write baseline=a drawer, a sentence that is true whatever is done."
            )
        if not all(sentence.strip() for sentence in (*self.goal, *self.baseline)):
            raise ConfigError("`goal` and `baseline` of clip must be sentences, got a blank one.")
        ends = (self.low, self.high)
        if any(end is not None and not np.isfinite(end) for end in ends) or (
            self.low is not None and self.low == self.high
        ):
            raise ConfigError(
                f"`low` and `high` of clip must be two numbers or null, got {self.low} and "
                f"{self.high}."
            )

    @property
    def weight(self) -> float:
        """The weight of the line: ``alpha``, or what stands for null."""
        if self.alpha is None:
            return _PUBLISHED_ALPHA if self.baseline else 0.0
        return self.alpha


@final
class GoalBaseline:
    """Progress = (R - low) / (high - low), clipped to [0, 1]; R as VLM-RM defines it.

    With the defaults, low = -1 and high = 1, progress is (R + 1) / 2: the published reward in
    another unit, nothing clipped, and its differences are small (frames of one scene differ by
    hundredths). ``low=null`` begins each episode at 0; a calibrated ``high``, or the goal frame's
    by ``high=null``, brings the task's end to 1.

    The probability of success is that of goal against baseline by the model's own temperature,
    as in zero-shot classification; without a baseline the model has no word for failure, and the
    probability is 0.

    Args:
        encoder: What places frames and sentences.
        options: Sentences, alpha and scale.
    """

    def __init__(self, encoder: ClipEncoder, options: Options) -> None:
        self._encoder = encoder
        self._options = options

    def reward(self, instruction: str, places: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return R, (N,) in [-1, 1], of N places, (N, D), for an instruction."""
        goal, baseline = self._sentences(instruction)
        return goal_baseline_reward(places, goal, baseline, alpha=self._options.weight)

    def begin(
        self, episode: Episode, start: NDArray[np.float32], goal: NDArray[np.float32] | None
    ) -> None:
        """Note which rewards become 0 and 1."""
        instruction = episode.task.instruction
        low, high = self._options.low, self._options.high
        if low is None:
            low = float(self.reward(instruction, start[None])[0])
        if high is None:
            assert goal is not None  # the spec says that a goal is needed
            high = float(self.reward(instruction, goal[None])[0])
        episode.memory.update(low=low, high=high)

    def read(
        self, episodes: Sequence[Episode], places: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Read each frame for itself."""
        rewards = np.empty(len(episodes))
        success = np.zeros(len(episodes))
        for i, episode in enumerate(episodes):
            goal, baseline = self._sentences(episode.task.instruction)
            rewards[i] = goal_baseline_reward(
                places[i], goal, baseline, alpha=self._options.weight
            )
            if baseline is not None:
                success[i] = preference(
                    places[i], goal, baseline, temperature=self._encoder.temperature
                )
        low, high = (
            np.array([cast("float", episode.memory[key]) for episode in episodes])
            for key in ("low", "high")
        )
        return rescaled(rewards, low, high), success

    def _sentences(
        self, instruction: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        goal = self._encoder.sentences(self._options.goal or (instruction,)).mean(0)
        baseline = self._options.baseline
        return goal, self._encoder.sentences(baseline).mean(0) if baseline else None


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open VLM-RM over weights of ``transformers`` or ``open_clip``.

    Args:
        weights: Directory, hub id in the local hub cache, or name and tag of open_clip; ``None``
            takes the first hub id of the card.
        options: Sentences, alpha and scale.
        device: Where it runs; the CPU by default.

    Raises:
        WeightsError: If the weights are missing, damaged or of another kind.
        ConfigError: If an option is out of range.
    """
    from kibble.rewards.clip.place_reward import PlaceReward

    encoder = options.encoder(weights or CARD.hub_ids[0], device)
    spec = layout_spec(
        CARD,
        options,
        views=(options.view,),
        needs_goal=options.high is None,
        weights=encoder.version,
    )
    return PlaceReward(GoalBaseline(encoder, options), encoder, spec)
