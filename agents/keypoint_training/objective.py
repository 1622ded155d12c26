"""What the keypoint network is trained for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor

from kibble.agents.keypoint_training.batches import UNKNOWN_PLAN, Batch
from kibble.rewards.keypoints.embedded.network import STRIDE, Heard, KeypointNetwork, Sight

__all__ = ["loss_of"]

_SPREAD = 0.7  # cells, standard deviation of the target on the heatmap
_FIRST_SPREAD = 1.0  # cells, of the first look's
_HIDDEN = 0.5  # what a place counts that nobody can see
_WEIGHTS = {"heat": 1.0, "first": 0.3, "offset": 2.0, "state": 1.0, "plan": 0.2}


def loss_of(network: KeypointNetwork, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Loss of a batch.

    Heatmaps are compared with a normal distribution about the point, by cross-entropy; offsets by
    their absolute error where that distribution has its mass; presence and plan by cross-entropy.
    Places of hidden points count half, those of absent ones nothing.

    Returns:
        The loss, and its terms before they are weighted.
    """
    seen = network.encode(batch.pictures)
    heard: Heard = network.hear(batch.numbers)
    sight: Sight = network.look(seen.at(batch.rows), heard)
    height, width = (side // STRIDE for side in network.config.image_size)
    cell = torch.arange(height * width, device=batch.pixels.device)
    middles = torch.stack([cell % width, cell // width]) + 0.5  # (2, P)
    counts = torch.where(batch.states == 0, 0.0, torch.where(batch.states == 1, _HIDDEN, 1.0))
    total = counts.sum().clamp(min=1.0)
    places = torch.where(counts[..., None] > 0, batch.pixels / STRIDE, 0.0)  # (N, R, 2) cells
    away = places[..., None] - middles  # (N, R, 2, P) cells
    square = away.square().sum(dim=2)  # (N, R, P)
    near = torch.softmax(-square / (2 * _SPREAD**2), dim=-1)
    broad = torch.softmax(-square / (2 * _FIRST_SPREAD**2), dim=-1)
    offset = (near[:, :, None] * (sight.offsets - away).abs()).sum(dim=(2, 3))
    terms = {
        "heat": (counts * _divergence(near, sight.heat)).sum() / total,
        "first": (counts * _divergence(broad, sight.first)).sum() / total,
        "offset": (counts * offset).sum() / total,
        "state": F.cross_entropy(sight.states.flatten(0, 1), batch.states.flatten()),
        "plan": _plan_loss(heard.plans, batch.plans),
    }
    loss = torch.stack([_WEIGHTS[name] * term for name, term in terms.items()]).sum()
    return loss, terms


def _plan_loss(logits: Tensor, plans: Tensor) -> Tensor:
    """Cross-entropy of the sentences that mean a plan; 0 where none does."""
    known = (plans != UNKNOWN_PLAN).sum().clamp(min=1)
    return F.cross_entropy(logits, plans, ignore_index=UNKNOWN_PLAN, reduction="sum") / known


def _divergence(target: Tensor, logits: Tensor) -> Tensor:
    """Kullback-Leibler divergence over the last axis; 0 where they agree."""
    difference = target.clamp(min=1e-12).log() - logits.log_softmax(dim=-1)
    return (target * difference).sum(dim=-1)
