"""Affordance keypoints that a vision-language model chooses among marks on the first frames.

The model is asked once per scene and not again while scenes look the same. The points that it
chose are followed, and the way between them is paid, as by ``keypoints``: by optical flow that the
embedded network corrects, or by flow alone, which loses what fingers cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.keypoints.options import KeypointOptions
from kibble.rewards.keypoints.prompting.sampling import Sampling
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.types import RewardModel
from kibble.rewards.vlm.opening import BackendOptions, open_backend

if TYPE_CHECKING:
    import torch

    from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
    from kibble.rewards.keypoints.proposer import Proposer

__all__ = ["CARD", "Options", "open_proposer", "open_reward"]

CARD = ModelCard(
    name="keypoints_vlm",
    title="keypoints and a way that a vision-language model chooses on a marked picture",
    opens="kibble.rewards.adapters.keypoints_vlm:open_reward",
    options="kibble.rewards.adapters.keypoints_vlm:Options",
    hub_ids=("Qwen/Qwen3-VL-8B-Instruct",),
    licence="Apache-2.0",
    views=("front", "side"),
    history="the start, and where every point was before",
    needs_goal=False,
    causal=True,
    extra="vlm,keypoints",
    source="after KAGI (arXiv 2407.10341) and MOKA (arXiv 2403.03174), prompts of our own",
)


@dataclass(frozen=True, kw_only=True)
class Options(KeypointOptions, BackendOptions):
    """How a language model proposes keypoints, and how they are followed and paid.

    Args:
        samples: Answers to each question; above 1 they are drawn, what most agree on is proposed,
            and the confidence says how near the others are to it.
        temperature: Of drawn answers; 0 takes the likeliest, and needs samples=1.
        constrain: Whether decoding is held to marks that exist and to a few common ways (straight
            to the target, pushing, carrying), so that nothing else can be said.
        size: Pixels of the longer side of each view as it is shown.
        marks: regions (points on the things of the picture) or lattice (even points).
        limit: Most marks in each view.
        tiles: Columns and rows of the grid over the first view.
        heights: Metres above a point that waypoints may have, rising, one by one.
        alike: Up to this change of the part of a view that changed most, a scene is the same and
            is not asked about again, in [0, 1).
    """

    samples: int = 1
    temperature: float = 0.0
    constrain: bool = False
    size: int = 448
    marks: str = "regions"
    limit: int = 20
    tiles: int = 5
    heights: tuple[float, ...] = (0.0, 0.05, 0.10, 0.15, 0.20)
    alike: float = 0.04

    def __post_init__(self) -> None:
        KeypointOptions.__post_init__(self)
        BackendOptions.__post_init__(self)
        self.prompt_settings()
        self.sampling()

    def prompt_settings(self) -> PromptSettings:
        """Return what is drawn over the frames."""
        return PromptSettings(
            size=self.size,
            marks=self.marks,
            limit=self.limit,
            tiles=Tiles(columns=self.tiles, rows=self.tiles),
            heights=self.heights,
        )

    def sampling(self) -> Sampling:
        """Return how often is asked."""
        return Sampling(
            samples=self.samples, temperature=self.temperature, constrain=self.constrain
        )


def open_proposer(weights: str | None, options: Options, device: torch.device | None) -> Proposer:
    """Open the proposer alone; see :func:`open_reward`."""
    from kibble.rewards.keypoints.remembered_proposals import RememberedProposals
    from kibble.rewards.keypoints.vlm_proposer import VlmProposer

    metric = options.variant == Variant.METRIC
    proposer = VlmProposer(
        open_backend(weights or CARD.hub_ids[0], options, device=device),
        views=options.pictures if metric else options.pictures[:1],
        settings=options.prompt_settings(),
        sampling=options.sampling(),
        calibration=options.calibration if metric else None,
    )
    return RememberedProposals(proposer, alike=options.alike)


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open a keypoint reward whose keypoints a language model proposes.

    Args:
        weights: Directory or hub id of the model; on a server the name that it serves.
        options: How it is asked, and how keypoints are followed and paid.
        device: Where a local model runs; the CPU by default.

    Raises:
        ConfigError: If the calibration or an option is wrong.
        WeightsError: If local weights are missing or damaged.
        MissingDependencyError: If OpenCV is needed and not installed.
        ModelError: If the server does not serve that model.
        ServiceAwayError: If the server cannot be reached.
    """
    from kibble.rewards.keypoints.opening import open_keypoints

    proposer = open_proposer(weights, options, device)
    detector = None if options.tracker == "flow" else _detector(options, device)
    return open_keypoints(CARD, options, proposer, detector=detector, tracker="hybrid")


def _detector(options: Options, device: torch.device | None) -> EmbeddedDetector:
    """Open the embedded network, by which hybrid and redetection follow points."""
    from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
    from kibble.rewards.keypoints.embedded.loading import DEFAULT

    return EmbeddedDetector.load(DEFAULT, views=options.pictures, device=device)
