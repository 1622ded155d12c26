"""Affordance keypoints: a potential along the way that the embedded network or a file proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.keypoints.options import KeypointOptions
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

    from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector

__all__ = ["CARD", "Options", "open_reward"]

CARD = ModelCard(
    name="keypoints",
    title="grasp, function and target points of the sentence, and a potential along their way",
    opens="kibble.rewards.adapters.keypoints:open_reward",
    options="kibble.rewards.adapters.keypoints:Options",
    hub_ids=(),
    licence="Apache-2.0",
    views=("front", "side"),
    history="the start, and where every point was before",
    needs_goal=False,
    causal=True,
    extra="keypoints",
    source="after KAGI (arXiv 2407.10341) and MOKA (arXiv 2403.03174); weights of this package, "
    "rewards/keypoints/embedded/weights/keypoint_tiny/MODEL_CARD.md",
    included=True,
)


@dataclass(frozen=True, kw_only=True)
class Options(KeypointOptions):
    """How keypoints are followed and paid."""


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open a keypoint reward.

    Args:
        weights: A YAML file of keypoints that somebody marked, or a directory of weights of the
            embedded network; ``None`` takes those that ship.
        options: How keypoints are followed and paid.
        device: Where the network runs; the CPU by default.

    Raises:
        ConfigError: If a file of keypoints, the calibration or an option is wrong.
        WeightsError: If the weights are missing or damaged.
        MissingDependencyError: If OpenCV or PyYAML is needed and not installed.
    """
    from kibble.rewards.keypoints.opening import open_keypoints

    if weights is not None and weights.endswith((".yaml", ".yml")):
        from kibble.rewards.keypoints.fixed.proposer import FixedProposer

        detector = None if options.tracker in (None, "flow") else _detector(None, options, device)
        return open_keypoints(CARD, options, FixedProposer.open(weights), detector=detector)
    from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer

    network = _detector(weights, options, device)
    return open_keypoints(
        CARD, options, EmbeddedProposer(network), detector=network, tracker="hybrid"
    )


def _detector(
    weights: str | None, options: Options, device: torch.device | None
) -> EmbeddedDetector:
    from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
    from kibble.rewards.keypoints.embedded.loading import DEFAULT

    return EmbeddedDetector.load(weights or DEFAULT, views=options.pictures, device=device)
