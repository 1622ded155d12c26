"""What the network is trained for."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor, nn

from kibble.rewards.grm.batches import Batch
from kibble.rewards.grm.network import FusionOutput, GrmNetwork

__all__ = ["Objective", "hop_target", "two_hot"]

_WEIGHTS = {
    "origin": 0.3,
    "progress": 3.0,
    "flicker": 1.5,
    "rank": 0.1,
    "hop": 0.2,
    "hop_error": 0.5,
    "back": 0.1,
    "back_error": 0.5,
    "success": 0.3,
    "confidence": 0.5,
    "state": 0.3,
    "embedding": 0.3,
    "teacher": 0.5,
}
_LOST = 0.5  # expected error of progress where instruction or image mean nothing
_TEMPERATURE = 0.1  # progress by which a pair must differ to be told apart well
_CLEARLY = 0.05  # pairs that differ by less are not ranked


def hop_target(before: Tensor, after: Tensor) -> Tensor:
    """Relative progress as in :func:`kibble.rewards.grm.readings.hop`, for tensors."""
    scale = torch.where(after >= before, 1.0 - before, before)
    return ((after - before) / scale.clamp_min(1e-6)).clamp(-1.0, 1.0)


def two_hot(values: Tensor, bins: int) -> Tensor:
    """Spread values over their two nearest bins so that the expectation is exact.

    Args:
        values: (...) in [-1, 1].
        bins: Number of bins over [-1, 1].

    Returns:
        (..., bins) that sums to 1.
    """
    place = (values + 1.0) / 2.0 * (bins - 1)
    low = place.floor().clamp(0, bins - 2)
    share = (place - low)[..., None]
    first = F.one_hot(low.long(), bins).to(values.dtype)
    return first * (1.0 - share) + first.roll(1, dims=-1) * share


@final
class Objective(nn.Module):
    """Loss over all heads, with auxiliary heads that exist in training only.

    The auxiliary heads read the simulator's state from a reading and from the policy embedding;
    they teach the encoder where things are and are thrown away. With a teacher, another network
    with the same views and image size, its progress and success on the same frames and
    instructions are targets too; it may be larger.

    Args:
        network: The network that is trained.
        tasks: Number of tasks.
        state_size: Width of the auxiliary targets.
        teacher: A trained network to learn from, or ``None``.
    """

    def __init__(
        self,
        network: GrmNetwork,
        *,
        tasks: int,
        state_size: int,
        teacher: GrmNetwork | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        config = network.config
        self.state_size = state_size
        self.state = nn.Sequential(
            nn.Linear(config.reading, 192), nn.SiLU(), nn.Linear(192, tasks * state_size)
        )
        self.embedding = nn.Sequential(
            nn.Linear(network.embedding_size + config.text, 256),
            nn.SiLU(),
            nn.Linear(256, tasks * state_size),
        )
        # In a tuple, so that the teacher is no part of this module's state and parameters.
        self._teachers = () if teacher is None else (teacher.eval().requires_grad_(False),)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the terms, and each term."""
        network = self.network
        b, t, g = batch.progress.shape
        readings, embedded, summary = _read(network, batch, batch.numbers)
        context, goal, has_goal = self._context(batch, readings, summary)
        origin = network.fuse(context, None, readings)
        terms = self._origin(origin, batch)
        first = batch.before[:, :, None].expand(b, t, g)
        legible = batch.legible.float()
        both = (legible * legible.gather(1, batch.before))[:, :, None].expand(b, t, g)
        terms["hop"], terms["hop_error"] = self._hop(
            network.fuse(
                context, readings.gather(1, first[..., None].expand_as(readings)), readings
            ),
            hop_target(batch.progress.gather(1, first), batch.progress),
            both,
        )
        terms["back"], terms["back_error"] = self._hop(
            network.fuse(context, goal, readings),
            batch.progress - 1.0,
            has_goal * legible[:, :, None],
        )
        terms["state"] = self._state_error(self.state(readings[:, :, 0]), batch)
        told = torch.cat([embedded, summary[:, :1].expand(b, t, -1).detach()], dim=-1)
        terms["embedding"] = self._state_error(self.embedding(told), batch)
        for teacher in self._teachers:
            terms["teacher"] = self._imitation(teacher, origin, batch)
        total = torch.stack([_WEIGHTS[name] * term for name, term in terms.items()]).sum()
        return total, terms

    def _context(
        self, batch: Batch, readings: Tensor, summary: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Context (B, 1, G, hidden), goal readings (B, 1, G, R), and which are there (B, 1, G)."""
        network = self.network
        b, _, g, r = readings.shape
        index = batch.goal.clamp_min(0)[:, None, :, None].expand(b, 1, g, r)
        goal = readings.gather(1, index)
        has_goal = (batch.goal >= 0)[:, None]
        shown = (has_goal & batch.goal_shown[:, None])[..., None]
        at_goal = torch.where(shown, network.fuse_goal(goal), network.absent[1])
        at_start = torch.where(
            batch.start[:, None, :, None], network.fuse_start(readings[:, :1]), network.absent[0]
        )
        return network.fuse_text(summary)[:, None] + at_start + at_goal, goal, has_goal

    def _origin(self, output: FusionOutput, batch: Batch) -> dict[str, Tensor]:
        entropy, _ = self._hop(output, batch.progress, torch.ones_like(batch.progress))
        expected = self.network.expected_hop(output.logits)
        difference = expected - batch.progress  # (B, T, G)
        error = difference.abs()
        sound = batch.known[:, None] & batch.legible[:, :, None]
        near = (batch.near & batch.legible & batch.legible.gather(1, batch.before)).float()
        change = difference - difference.gather(1, batch.before[:, :, None].expand_as(difference))
        flicker = change.abs().mean(dim=-1)
        lost = torch.where(sound, error.detach(), torch.full_like(error, _LOST))
        return {
            "origin": entropy,
            "progress": error.mean(),
            "flicker": (flicker * near).sum() / near.sum().clamp_min(1.0),
            "rank": _rank(expected, batch.progress),
            "success": F.binary_cross_entropy_with_logits(output.success, batch.success),
            "confidence": (output.error - lost).abs().mean(),
        }

    def _imitation(self, teacher: GrmNetwork, output: FusionOutput, batch: Batch) -> Tensor:
        """Distance from the teacher's progress and success."""
        with torch.no_grad():
            numbers = teacher.tokenizer.batch(batch.sentences).to(batch.numbers.device)
            readings, _, summary = _read(teacher, batch, numbers)
            start = teacher.context(summary, readings[:, 0], None)[:, None]
            judged = teacher.fuse(start, None, readings)
            wanted = teacher.expected_hop(judged.logits)
        progress = self.network.expected_hop(output.logits)
        success = F.binary_cross_entropy_with_logits(output.success, judged.success.sigmoid())
        return (progress - wanted).abs().mean() + success

    def _hop(self, output: FusionOutput, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy and absolute error, averaged with weights (B, T, G)."""
        wanted = two_hot(target, self.network.config.bins)
        entropy = -(wanted * output.logits.log_softmax(dim=-1)).sum(dim=-1)
        error = (self.network.expected_hop(output.logits) - target).abs()
        total = weight.sum().clamp_min(1.0)
        return (entropy * weight).sum() / total, (error * weight).sum() / total

    def _state_error(self, output: Tensor, batch: Batch) -> Tensor:
        """Smooth absolute error of the standardised state, each clip by its task's outputs."""
        b, t, _ = output.shape
        by_task = output.view(b, t, -1, self.state_size)
        index = batch.task[:, None, None, None].expand(b, t, 1, self.state_size)
        guess = by_task.gather(2, index)[:, :, 0]
        there = ~torch.isnan(batch.state)
        wanted = torch.where(there, batch.state, guess.detach())
        error = F.smooth_l1_loss(guess, wanted, reduction="none", beta=0.1)
        return error.sum() / there.sum().clamp_min(1)


def _read(network: GrmNetwork, batch: Batch, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Readings (B, T, G, R), policy embeddings (B, T, D) and summaries (B, G, text)."""
    b, t, g = batch.progress.shape
    views = batch.present.shape[1]
    view = torch.arange(views, device=batch.present.device).repeat(b * t)
    maps = network.encode(batch.images, view)
    maps = maps.view(b * t, views, *maps.shape[1:])
    queries, summary = network.instructions(numbers)
    summary = summary.view(b, g, -1)
    each = queries.view(b, 1, g, *queries.shape[1:]).expand(b, t, -1, -1, -1, -1)
    readings, embedded = network.read(
        maps,
        batch.present,
        each.flatten(0, 1),
        summary[:, None].expand(b, t, -1, -1).flatten(0, 1),
    )
    return readings.view(b, t, g, -1), embedded.view(b, t, -1), summary


def _rank(expected: Tensor, progress: Tensor) -> Tensor:
    """Logistic preference loss over pairs of frames, within clips and across them.

    Each frame is compared with one of the same clip and one of another clip; the one with more
    progress should win. Source: Bradley and Terry 1952, as in preference-learned rewards.
    """
    losses = []
    for dims, shift in ((1, 3), (0, 1)):
        gap = progress - progress.roll(shift, dims)
        lead = (expected - expected.roll(shift, dims)) * gap.sign()
        clear = (gap.abs() > _CLEARLY).float()
        loss = F.softplus(-lead / _TEMPERATURE) * clear
        losses.append(loss.sum() / clear.sum().clamp_min(1.0))
    return torch.stack(losses).mean()
