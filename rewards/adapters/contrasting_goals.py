"""VLM-RL's contrasting language goals: nearer to what should be than to what must not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.clip.formulas import contrast, preference, rescaled
from kibble.rewards.clip.options import EncoderOptions
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, RewardModel

if TYPE_CHECKING:
    import torch

    from kibble.rewards.clip.encoder import ClipEncoder

__all__ = ["CARD", "Contrast", "Options", "open_reward"]

CARD = ModelCard(
    name="contrasting_goals",
    title="VLM-RL: a frame is nearer to what should be than to what must not be",
    opens="kibble.rewards.adapters.contrasting_goals:open_reward",
    options="kibble.rewards.adapters.contrasting_goals:Options",
    hub_ids=(
        "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k",
        "openai/clip-vit-base-patch32",
        "google/siglip-base-patch16-224",
    ),
    licence="MIT (laion), unknown (openai), Apache-2.0 (siglip)",
    views=("front",),
    history="none",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="arXiv 2412.15544; github.com/zihaosheng/VLM-RL",
)


@dataclass(frozen=True, kw_only=True)
class Options(EncoderOptions):
    """What should be and what must not.

    Args:
        negative: Sentence that says what must not be, such as "two cars have collided with each
            other on the road"; several are averaged. It must be given.
        positive: Sentence that says what should be, such as "the road is clear with no car
            accidents"; several are averaged. None takes the task's instruction.
        low: Contrast, negative less positive, at and below which progress is 1.
        high: Contrast at and above which progress is 0.

    Raises:
        ConfigError: If `negative` is missing, or a value is out of range.
    """

    negative: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.03

    def __post_init__(self) -> None:
        EncoderOptions.__post_init__(self)
        if not self.negative or not all(s.strip() for s in (*self.negative, *self.positive)):
            raise ConfigError(
                f"`negative` of contrasting_goals must say what must not be, got "
                f"{list(self.negative)} against {list(self.positive)}; write for example "
                "contrasting_goals?negative=the red cube has fallen off the table."
            )
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ConfigError(
                f"`low` of contrasting_goals must be below `high`, got {self.low} and "
                f"{self.high}; the published ones are 0 and 0.03."
            )


@final
class Contrast:
    """Progress = 1 - (clip(z, low, high) - low) / (high - low), z = cos(x, neg) - cos(x, pos).

    That is the published reward, with its bounds by default. The original takes it for the share
    of the target speed that is wanted and multiplies factors of the vehicle's state; here factors
    that an environment reports multiply what progress gains, see
    :class:`kibble.rewards.transforms.soft_penalties.SoftPenalties`. The probability of success is
    that of positive against negative by the model's own temperature, as in zero-shot
    classification.

    Args:
        encoder: What places frames and sentences.
        options: Sentences and bounds.
    """

    def __init__(self, encoder: ClipEncoder, options: Options) -> None:
        self._encoder = encoder
        self._options = options
        self._negative = encoder.sentences(options.negative).mean(0)  # (D,)

    def begin(
        self, episode: Episode, start: NDArray[np.float32], goal: NDArray[np.float32] | None
    ) -> None:
        """Note nothing: each frame is read for itself."""

    def read(
        self, episodes: Sequence[Episode], places: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Read each frame for itself."""
        between = np.empty(len(episodes))
        success = np.empty(len(episodes))
        for i, episode in enumerate(episodes):
            wanted = self._options.positive or (episode.task.instruction,)
            positive = self._encoder.sentences(wanted).mean(0)
            between[i] = contrast(places[i], self._negative, positive)
            success[i] = preference(
                places[i], positive, self._negative, temperature=self._encoder.temperature
            )
        low, high = np.array(self._options.low), np.array(self._options.high)
        return rescaled(between, high, low), success


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open contrasting goals over weights of ``transformers`` or ``open_clip``.

    Args:
        weights: Directory, hub id in the local hub cache, or name and tag of open_clip; ``None``
            takes the first hub id of the card.
        options: Sentences and bounds.
        device: Where it runs; the CPU by default.

    Raises:
        WeightsError: If the weights are missing, damaged or of another kind.
    """
    from kibble.rewards.clip.place_reward import PlaceReward

    encoder = options.encoder(weights or CARD.hub_ids[0], device)
    spec = layout_spec(CARD, options, views=(options.view,), weights=encoder.version)
    return PlaceReward(Contrast(encoder, options), encoder, spec)
